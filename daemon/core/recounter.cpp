#include "daemon/core/recounter.hpp"

#include <algorithm>

namespace rategate {
namespace {

// Counters that are told at a time: as many as may be reserved in at a time.
constexpr std::size_t kMostUnderWay = 512;
// Counters that are looked at for one call.
constexpr std::size_t kMostLooks = 256;
// And of those that are listed elsewhere by now.
constexpr std::size_t kMostLeftBehind = 4096;
// What could not be told is told again after so long.
constexpr std::int64_t kAgainUs = 200'000;
// And what was led elsewhere, after so long.
constexpr std::int64_t kLaterUs = 50'000;

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
  const Limit& limit = *counter.use->limit;
  // Who fails open goes on with what it holds.
  if (limit.on_store_down != OnStoreDown::Allow) keeper_.lose(counter, now);
  // A bucket begins empty by what each call says.
  if (!limit.algorithm->has_windows) return;
  if (counter.pool.last_end_ms() != 0) want(id);
}

void Recounter::lose_untold(CounterId id, Mono now) {
  const Counter& counter = counters_[id];
  const Placed at = shards_[counter.shard.value].place(*counter.use, now);
  // Where it cannot be told which window is open, that is looked at when it can.
  if (!at.open || has_to_tell(counter, at.window)) lose(id, now);
}

void Recounter::want(CounterId id) {
  Counter& counter = counters_[id];
  if (counter.recount_listed) return;
  counter.recount_listed = true;
  list(id);
}

// Nobody is told of it while its slot is in no shard.
void Recounter::list(CounterId id) {
  const ShardId shard = counters_[id].shard;
  if (!is_nowhere(shard)) queue_of(shard).listed.push_back(id);
}

bool Recounter::has_to_tell(const Counter& counter, const Window& window) const {
  return decider_.is_retold(counter, window) && !Decider::is_recounted(counter, window);
}

void Recounter::add_window(CounterId id, const Window& window, std::vector<Recount>& into) {
  const Counter& counter = counters_[id];
  const Limit& limit = *counter.use->limit;
  into.push_back({id.value, counter.use->names.of(counter.key.view(), window.start_ms), window,
                  counter.pool.known(window, limit.permits),
                  shards_[counter.shard.value].expire_at_ms(window)});
}

// Or left there by one that has gone elsewhere, and is listed where it is.
bool Recounter::is_listed_at(ShardId shard, CounterId id) const {
  if (!counters_.is_live(id)) return false;
  const Counter& counter = counters_[id];
  return counter.recount_listed && counter.shard == shard;
}

bool Recounter::compose(ShardId shard, std::size_t most, Mono now, std::vector<Recount>& into) {
  Queue& queue = queue_of(shard);
  if (queue.counters_under_way >= kMostUnderWay || queue.not_before != kNever) return false;
  if (queue.alone > 0) most = 1;
  std::vector<CounterId> told;
  std::size_t looks = kMostLooks;
  std::size_t left_behind = kMostLeftBehind;
  std::size_t there = queue.listed.size();
  // A counter may have two: the window that is open, and the next.
  while (there-- > 0 && looks > 0 && left_behind > 0 && (into.empty() || into.size() + 2 <= most)) {
    const CounterId id = queue.listed.front();
    queue.listed.pop_front();
    if (!is_listed_at(shard, id)) {
      --left_behind;
      continue;
    }
    --looks;
    const std::size_t before = into.size();
    if (!add(shard, id, now, into)) {
      queue.listed.push_back(id);  // when its window can be told
      continue;
    }
    counters_[id].recount_listed = false;
    if (queue.alone > 0) --queue.alone;
    if (into.size() > before) told.push_back(id);
  }
  if (into.empty()) return false;
  queue.counters_under_way += told.size();
  queue.under_way.push_back(std::move(told));
  return true;
}

// False where it cannot be told yet which window is open.
bool Recounter::add(ShardId shard, CounterId id, Mono now, std::vector<Recount>& into) {
  const Counter& counter = counters_[id];
  const Placed at = shards_[shard.value].place(*counter.use, now);
  if (!at.open) return false;
  const Window next = counter.use->next_after(at.window);
  const bool knows_next = counter.pool.known(next, counter.use->limit->permits) > 0;
  if (has_to_tell(counter, at.window)) add_window(id, at.window, into);
  if (knows_next && has_to_tell(counter, next)) add_window(id, next, into);
  return true;
}

void Recounter::told(ShardId shard, const Recount& recount, std::int64_t count, Mono now) {
  const CounterId id = id_of(recount);
  if (!counters_.is_live(id)) return;
  Counter& counter = counters_[id];
  if (counter.shard != shard) return;  // it is told of where it is
  // Its place may be another counter's by now.
  if (counter.use->names.of(counter.key.view(), recount.window.start_ms) != recount.counter) return;
  ++stats_.recounted;
  keeper_.recounted(counter, recount.window, count, now);
}

// The counters of the first call that is under way; none where nothing is.
std::vector<CounterId> Recounter::take_first(Queue& queue) {
  if (queue.under_way.empty()) return {};
  std::vector<CounterId> ids = std::move(queue.under_way.front());
  queue.under_way.pop_front();
  queue.counters_under_way -= ids.size();
  return ids;
}

void Recounter::over(ShardId shard) { take_first(queue_of(shard)); }

// Before those that came since.
void Recounter::put_back(ShardId shard, const std::vector<CounterId>& ids) {
  std::for_each(ids.rbegin(), ids.rend(), [&](CounterId id) {
    if (!counters_.is_live(id) || counters_[id].recount_listed) return;
    if (counters_[id].shard != shard) return want(id);
    counters_[id].recount_listed = true;
    queue_of(shard).listed.push_front(id);
  });
}

void Recounter::put_back(ShardId shard) {
  Queue& queue = queue_of(shard);
  for (; !queue.under_way.empty(); queue.under_way.pop_back()) {
    put_back(shard, queue.under_way.back());
  }
  queue.counters_under_way = 0;
  std::erase_if(queue.listed, [&](CounterId id) { return !is_listed_at(shard, id); });
}

bool Recounter::refused(ShardId shard) {
  Queue& queue = queue_of(shard);
  if (queue.under_way.empty()) return false;
  const std::vector<CounterId> ids = take_first(queue);
  if (ids.size() <= 1) return true;
  queue.alone += ids.size();
  put_back(shard, ids);
  return false;
}

void Recounter::later(ShardId shard, Mono now) {
  Queue& queue = queue_of(shard);
  for (const CounterId id : take_first(queue)) {
    if (counters_.is_live(id)) want(id);
  }
  if (queue.not_before == kNever) queue.not_before = after(now, kLaterUs);
}

void Recounter::again(ShardId shard, Mono now) {
  Queue& queue = queue_of(shard);
  put_back(shard, take_first(queue));
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
