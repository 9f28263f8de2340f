#include "daemon/core/recounter.hpp"

#include <algorithm>

namespace rategate {
namespace {

// What could not be told is told again after so long.
constexpr std::int64_t kAgainUs = 200'000;

}  // namespace

Recounter::Recounter(Counters& counters, std::vector<Shard>& shards, LeaseKeeper& keeper,
                     const Decider& decider, GateStats& stats)
    : counters_(counters),
      shards_(shards),
      keeper_(keeper),
      decider_(decider),
      stats_(stats),
      queues_(shards.size()) {}

void Recounter::lose(CounterId id, Mono now) {
  Counter& counter = counters_[id];
  keeper_.lose(counter, now);
  if (counter.pool.last_end_ms() != 0) want(id);
}

void Recounter::want(CounterId id) {
  Counter& counter = counters_[id];
  if (counter.recount_listed) return;
  counter.recount_listed = true;
  queue_of(counter.shard).listed.push_back(id);
}

bool Recounter::has_to_tell(const Counter& counter, const Window& window) const {
  return decider_.counts_on(counter, window) && !counter.pool.is_recounted(window);
}

void Recounter::add(CounterId id, const Window& window, std::vector<Recount>& into) {
  const Counter& counter = counters_[id];
  const Limit& limit = *counter.use->limit;
  into.push_back({id.value, counter.use->names.of(counter.key.view(), window.start_ms), window,
                  counter.pool.known(window, limit.permits),
                  shards_[counter.shard.value].expire_at_ms(window)});
}

bool Recounter::compose(ShardId shard, std::size_t most, Mono now, std::vector<Recount>& into) {
  Queue& queue = queue_of(shard);
  if (queue.listed.empty() || !queue.under_way.empty()) return false;
  if (queue.not_before != kNever) return false;
  if (queue.alone > 0) most = 1;
  // A counter may have two: the window that is open, and the next.
  while (!queue.listed.empty() && (into.empty() || into.size() + 2 <= most)) {
    const CounterId id = queue.listed.front();
    Counter& counter = counters_[id];
    const bool live = counters_.contains(id) && counter.live && counter.recount_listed;
    const auto reading =
        live ? shards_[shard.value].usable(*counter.use->limit, now) : std::nullopt;
    if (live && !reading) return !into.empty();  // when the clock is measured
    queue.listed.pop_front();
    if (queue.alone > 0) --queue.alone;
    if (!live) continue;
    counter.recount_listed = false;
    const Placed at = counter.use->place(*reading);
    if (!at.open) continue;  // that one is over
    if (has_to_tell(counter, at.window)) add(id, at.window, into);
    const Window next{at.window.end_ms, at.window.end_ms + counter.use->limit->period_ms};
    const bool known = counter.pool.known(next, counter.use->limit->permits) > 0;
    if (known && has_to_tell(counter, next)) add(id, next, into);
    if (!into.empty() && CounterId{static_cast<std::uint32_t>(into.back().id)} == id) {
      queue.under_way.push_back(id);
    }
  }
  return !into.empty();
}

void Recounter::told(const Recount& recount, std::int64_t count, Mono now) {
  const CounterId id{static_cast<std::uint32_t>(recount.id)};
  if (!counters_.contains(id) || !counters_[id].live) return;
  Counter& counter = counters_[id];
  // Its place may be another counter's by now.
  if (counter.use->names.of(counter.key.view(), recount.window.start_ms) != recount.counter) return;
  ++stats_.recounted;
  keeper_.recounted(counter, recount.window, count, now);
}

void Recounter::over(ShardId shard) { queue_of(shard).under_way.clear(); }

// Before those that came since.
void Recounter::put_back(Queue& queue) {
  for (auto id = queue.under_way.rbegin(); id != queue.under_way.rend(); ++id) {
    if (!counters_.contains(*id) || !counters_[*id].live || counters_[*id].recount_listed) continue;
    counters_[*id].recount_listed = true;
    queue.listed.push_front(*id);
  }
  queue.under_way.clear();
}

bool Recounter::refused(ShardId shard) {
  Queue& queue = queue_of(shard);
  const bool alone = queue.under_way.size() <= 1;
  if (!alone) {
    queue.alone = queue.under_way.size();
    put_back(queue);
  }
  queue.under_way.clear();
  return alone;
}

void Recounter::again(ShardId shard, Mono now) {
  Queue& queue = queue_of(shard);
  put_back(queue);
  queue.not_before = after(now, kAgainUs);
}

void Recounter::turn(Mono now) {
  for (Queue& queue : queues_) {
    if (now >= queue.not_before) queue.not_before = kNever;
  }
}

Mono Recounter::next_turn() const {
  Mono next = kNever;
  for (const Queue& queue : queues_) next = std::min(next, queue.not_before);
  return next;
}

}  // namespace rategate
