// Limits that are to begin anew, and counters that have: docs/clearing.md.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/core/gate.hpp"

namespace rategate {
namespace {

// What cannot be asked for now is looked at again after so long.
constexpr std::int64_t kAgainUs = 2'000;
// And what was led elsewhere, after so long.
constexpr std::int64_t kElsewhereUs = 20'000;
constexpr std::string_view kAway = "the store is away";

}  // namespace

void Gate::clear(const ClearRequest& request, Mono now) {
  const LimitUse& use = *request.limit;
  Clears::Job& job =
      clears_.add(request.ticket, use.limit, after(now, options_.command_timeout_us));
  if (stopping_) return clears_.end(job, {}, true);
  if (!use.is_combined()) add_clear(job, request.limit, request.key);
  for (const LimitUsePtr& window : use.windows) add_clear(job, window, request.key);
  ask_for_clears(now);
}

void Gate::add_clear(Clears::Job& job, const LimitUsePtr& use, std::string_view key) {
  if (use->subs.empty()) clears_.add_part(job, use, key);
  for (const LimitUsePtr& sub : use->subs) clears_.add_part(job, sub, key);
}

// Of each that waits, what is to be asked. To be called when something may have changed.
void Gate::ask_for_clears(Mono now) {
  if (clears_.empty()) return;
  hear_members(now);  // what they were granted is of before
  for (auto next = clears_.jobs().begin(); next != clears_.jobs().end();) {
    Clears::Job& job = *next++;
    if (now >= job.deadline) {
      end_clear(job, job.waits_for, now);
      continue;
    }
    const bool away = std::any_of(job.parts.begin(), job.parts.end(), [&](Clears::Part& part) {
      const bool waits = !part.asked && (!part.counter.is_none() || now >= part.not_before);
      return waits && !ask_for_clear(job, part, now);
    });
    if (away) end_clear(job, kAway, now);
  }
}

// Nothing is under way of the counter when the store is asked to clear it, and nothing is until
// that is answered, so that no answer is of before. False where it cannot be had.
bool Gate::ask_for_clear(Clears::Job& job, Clears::Part& part, Mono now) {
  const CounterId id = counter_of({part.use, part.key}, now);
  Counter& counter = counters_[id];
  Shard& there = shard(counter.shard);
  if (there.health.is_away()) return false;
  part.not_before = after(now, kAgainUs);
  const auto reading = there.usable(*part.use->limit, now);
  if (!reading) {
    job.waits_for = "the store's clock is not known well enough";
    there.measure_wanted = true;
    return true;
  }
  job.waits_for = "the store has not answered in time";
  const Placed at = part.use->place(*reading);
  const bool by_another = counter.clearing && part.counter.is_none();
  if (!there.health.is_up() || !at.open || by_another) return true;
  counter.clearing = true;
  part.counter = id;
  const Line* const line = counters_.line(counter);
  if (line != nullptr && line->reservation != 0) return true;
  keeper_.before_clear(counter, at.window, now);
  drop_hands(part.use, part.key);
  part.asked = true;
  part.shard = counter.shard;
  part.window = at.window;
  Clear clear;
  clear.id = part.id;
  clear.counter = part.use->names.of(counter.key.view(), at.window.start_ms);
  clear.window = at.window;
  clear.mark = new_mark(part.id, now);
  clear.expire_at_ms = there.expire_at_ms(at.window);
  if (counter.use->blocks) clear.block = counter.use->names.block_of(counter.key.view());
  if (!part.use->limit->algorithm->has_windows) {
    clear.bucket = decider_.asked_of_bucket(counter, now);
    const bool settles = part.use->limit->settle == Settle::Store;
    const std::int64_t within_ms = settles ? part.use->limit->settle_within_ms : 0;
    clear.bucket->back_ms = reading->latest.us / 1000 + within_ms + 1000;
  } else {
    marks_.asked(clear.counter, at.window.end_ms, reading->latest.us / 1000);
  }
  there.clears.push_back(std::move(clear));
  return true;
}

// One that no host has made of the counter before, as far as chance goes.
std::int64_t Gate::new_mark(std::uint64_t id, Mono now) {
  const std::string number = std::to_string(id) + " " + std::to_string(now.us);
  const HashSeed seed{options_.seed.k0 ^ options_.jitter_seed, options_.seed.k1};
  const auto mark = static_cast<std::int64_t>(sip_hash(seed, number) >> 11);  // 53 bits
  return std::clamp<std::int64_t>(mark, 1, kMostMark);
}

std::optional<Clear> Gate::take_clear(ShardId id) {
  Shard& there = shard(id);
  if (there.clears.empty()) return std::nullopt;
  Clear clear = std::move(there.clears.front());
  there.clears.pop_front();
  return clear;
}

// The counter may be asked for again, and the part waits.
void Gate::release_part(Clears::Part& part, Mono now) {
  const CounterId id = std::exchange(part.counter, CounterId{});
  if (std::exchange(part.asked, false)) {
    std::erase_if(shard(part.shard).clears,
                  [&](const Clear& clear) { return clear.mark != 0 && clear.id == part.id; });
  }
  if (id.is_none()) return;
  counters_[id].clearing = false;
  reserver_.serve(id, now);
}

void Gate::end_clear(Clears::Job& job, std::string_view why_not, Mono now) {
  for (Clears::Part& part : job.parts) release_part(part, now);
  clears_.end(job, why_not);
}

void Gate::clear_answered(const Clear& asked, const ClearAnswer& answer, Mono now) {
  if (asked.mark == 0) {
    reserver_.explained(asked.id, answer.number, now);
    return pass_on(now);
  }
  const auto [job, part] = clears_.find(asked.id);
  // Of one that was given up waiting for, too: it was done.
  if (part == nullptr) return;
  if (answer.status == ClearAnswer::Status::WindowOver) {
    part->not_before = after(now, kAgainUs);
    release_part(*part, now);
    return pass_on(now);
  }
  decider_.forget_block(counters_[part->counter]);
  keeper_.lift_ban(counters_[part->counter]);
  if (answer.status == ClearAnswer::Status::Done) begin_anew(*part, asked, answer, now);
  job->permits += std::max<std::int64_t>(0, answer.number);
  release_part(*part, now);
  std::erase_if(job->parts, [&](const Clears::Part& each) { return each.id == asked.id; });
  if (job->parts.empty()) clears_.end(*job, {});
  pass_on(now);
}

void Gate::begin_anew(const Clears::Part& part, const Clear& asked, const ClearAnswer& answer,
                      Mono now) {
  Counter& counter = counters_[part.counter];
  ++stats_.cleared;
  reserver_.void_bookings(part.counter, now);
  if (!asked.bucket) {
    keeper_.cleared(counter, part.window, now);
    keeper_.restart_others(counter, part.window);
    marks_.learn(asked.counter, asked.mark, part.window.end_ms, part.window.start_ms);
    return;
  }
  if (counter.bucket == nullptr) counter.bucket = std::make_unique<KnownBucket>();
  KnownBucket& known = *counter.bucket;
  known.bucket = answer.bucket;
  known.told = now;
  known.paused_until = {};
  known.spent = {};
  known.cleared = answer.time;
}

void Gate::clear_refused(const Clear& asked, std::string_view error, Mono now) {
  if (asked.mark == 0) {
    // Nobody knows; what a host cannot tell is a loss.
    reserver_.explained(asked.id, 0, now);
    return pass_on(now);
  }
  const auto [job, part] = clears_.find(asked.id);
  if (part != nullptr) end_clear(*job, error, now);
  pass_on(now);
}

void Gate::clear_elsewhere(const Clear& asked, Mono now) {
  if (asked.mark == 0) {
    reserver_.failed(asked.id, Failure::Later, now);
    return pass_on(now);
  }
  const auto [job, part] = clears_.find(asked.id);
  if (part == nullptr) return;
  part->not_before = after(now, kElsewhereUs);
  release_part(*part, now);
  pass_on(now);
}

// Of what was written nobody knows whether it was done.
void Gate::lose_clears(ShardId id, Mono now) {
  Shard& there = shard(id);
  for (const Clear& clear : std::exchange(there.clears, {})) {
    const auto [job, part] = clears_.find(clear.id);
    if (clear.mark != 0 && part != nullptr) release_part(*part, now);
  }
  for (auto next = clears_.jobs().begin(); next != clears_.jobs().end();) {
    Clears::Job& job = *next++;
    const bool asked = std::any_of(job.parts.begin(), job.parts.end(),
                                   [&](const Clears::Part& p) { return p.asked && p.shard == id; });
    if (asked) end_clear(job, "the connection to the store was lost, and nobody knows", now);
  }
}

}  // namespace rategate
