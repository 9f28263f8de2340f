#include "daemon/core/settler.hpp"

#include <algorithm>

namespace rategate {
namespace {

// What a receipt of a bucket names was taken after that moment: it may be the end of a slice, for
// which it was leased before, or of an entry of a log.
std::int64_t taken_after_ms(const LimitUse& use, std::int64_t until_ms) {
  const std::int64_t stamp_ms = use.log.none() ? 0 : use.log.stamp_ms;
  return until_ms - std::max(stamp_ms, use.slices.slice_ms + use.slices.least_ms);
}

// How far ahead a receipt may be of what was taken.
std::int64_t longest_ahead_ms(const LimitUse& use) {
  return use.log.none() ? 2 * kLongestSliceMs : 2 * slices_of_log(use.log.period_ms).slice_ms;
}

// When the counter, a bucket, was cleared as far as this host knows.
std::int64_t cleared_us(const Counter& counter) {
  return counter.bucket == nullptr ? 0 : counter.bucket->cleared.us;
}

}  // namespace

std::int64_t Settler::give_back(CounterId id, std::int64_t until_ms, std::int64_t permits,
                                Whose whose, Mono now) {
  Counter& counter = counters_[id];
  const LimitUse& use = *counter.use;
  if (use.dropped || permits <= 0 || counter.clearing) return 0;
  if (use.limit->algorithm->has_windows) {
    return give_back_in_window(counter, until_ms, permits, whose, now);
  }
  if (whose == Whose::Own && !use.log.none()) {
    return give_back_own_to_log(counter, until_ms, permits, now);
  }
  return use.limit->settle == Settle::Store && whose == Whose::Takers
             ? give_back_to_bucket(counter, until_ms, permits, now)
             : give_back_to_slices(counter, until_ms, permits, whose, now);
}

// Only as long as the window is open for certain, and counted: what is given back is spent in it.
std::int64_t Settler::give_back_in_window(Counter& counter, std::int64_t until_ms,
                                          std::int64_t permits, Whose whose, Mono now) {
  const LimitUse& use = *counter.use;
  const auto reading = shard_of(counter).usable(*use.limit, now);
  if (!reading || reading->latest.us >= until_ms * 1000) return 0;
  const Window window = use.window_ending(until_ms);
  // A receipt does not say whether it is of before the counter was cleared.
  if (!marks_.empty() && marks_.may_be_cleared(use.names.of(counter.key.view(), window.start_ms))) {
    return 0;
  }
  if (!has_counted(decider_.state_of(counter, window, now))) return 0;
  keeper_.look(counter, now);
  permits = std::min(permits, used(counter, window));
  if (permits == 0) return 0;
  // Of what is not leased nothing is spent out of a pool.
  if (use.limit->settle == Settle::Store || !use.leased) {
    return keeper_.give_back(counter, window, permits, now) ? permits : 0;
  }
  put_into_pool(counter, window, permits, whose, now);
  return permits;
}

// Into the slice that they are of. What the store gave for the moment of its answer is in none.
std::int64_t Settler::give_back_to_slices(Counter& counter, std::int64_t until_ms,
                                          std::int64_t permits, Whose whose, Mono now) {
  const LimitUse& use = *counter.use;
  const auto reading = shard_of(counter).usable(*use.limit, now);
  if (use.slices.none() || !reading || reading->latest.us >= until_ms * 1000) return 0;
  if (taken_after_ms(use, until_ms) * 1000 <= cleared_us(counter)) return 0;
  const Window slice = slice_ending(use.slices, until_ms);
  keeper_.look(counter, now);
  permits = std::min(permits, used(counter, slice));
  if (permits > 0) put_into_pool(counter, slice, permits, whose, now);
  return permits;
}

// Into their slice as far as that has any that are spent, and the rest off their entry in the
// store.
std::int64_t Settler::give_back_own_to_log(Counter& counter, std::int64_t until_ms,
                                           std::int64_t permits, Mono now) {
  const std::int64_t in_slice = give_back_to_slices(counter, until_ms, permits, Whose::Own, now);
  const std::int64_t rest = permits - in_slice;
  if (rest == 0 || !keeper_.push_to_bucket(counter, rest, until_ms, now)) return in_slice;
  books_.settled(rest);
  knows_otherwise(counter, now);
  return permits;
}

void Settler::knows_otherwise(Counter& counter, Mono now) {
  if (counter.bucket == nullptr) return;
  keeper_.end_denial(counter, now);
  counter.bucket->told = Mono{INT64_MIN / 2};
  counter.bucket->paused_until = {};
}

std::int64_t Settler::give_back_to_bucket(Counter& counter, std::int64_t until_ms,
                                          std::int64_t permits, Mono now) {
  const std::int64_t within_us = counter.use->limit->settle_within_ms * 1000;
  const auto reading = shard_of(counter).usable(*counter.use->limit, now);
  if (counter.bucket == nullptr || !reading) return 0;
  const std::int64_t age_us = reading->earliest.us - until_ms * 1000;
  const bool to_come = until_ms > reading->latest.us / 1000 + longest_ahead_ms(*counter.use);
  if (to_come || age_us > within_us || !shard_of(counter).health.is_up()) return 0;
  const std::int64_t after_ms = taken_after_ms(*counter.use, until_ms);
  if (after_ms * 1000 <= cleared_us(counter)) return 0;
  keeper_.look(counter, now);
  permits = counter.bucket->spent.take_back(permits, now, within_us);
  const std::int64_t of_ms = counter.use->log.none() ? after_ms : until_ms;
  if (permits == 0 || !keeper_.push_to_bucket(counter, permits, of_ms, now)) return 0;
  books_.settled(permits);
  knows_otherwise(counter, now);
  return permits;
}

// What is in hand is in the pool no more, and may come back to it: it may be of two slices.
std::int64_t Settler::used(const Counter& counter, const Window& window) const {
  const Line* const line = counters_.line(counter);
  const std::int64_t in_hand = line == nullptr ? 0 : line->hand.permits();
  return std::max<std::int64_t>(0, counter.pool.used(window) - in_hand);
}

// What a taker says was not used may be a lie, which does not leave this host.
void Settler::put_into_pool(Counter& counter, const Window& window, std::int64_t permits,
                            Whose whose, Mono now) {
  books_.settled(permits);
  const Hand hand = whose == Whose::Own ? Hand{0, permits} : Hand{permits, 0};
  keeper_.take_in(counter, window, hand, 0, now);
}

std::int64_t Settler::charge(CounterId id, std::int64_t permits, Mono now) {
  Counter& counter = counters_[id];
  const LimitUse& use = *counter.use;
  const auto reading = shard_of(counter).usable(*use.limit, now);
  if (use.dropped || permits <= 0 || !reading) return 0;
  const Placed at = counter.use->place(*reading);
  if (!at.open || !has_counted(decider_.state_of(counter, at.window, now))) return 0;
  keeper_.look(counter, now);
  std::int64_t paid = use.leased ? std::min(permits, decider_.held(counter, at.window, now)) : 0;
  if (paid > 0 && !keeper_.spend(id, at.window, {paid, 1}, now)) paid = 0;
  const std::int64_t rest = permits - paid;
  if (rest > 0) {
    const bool pushed =
        use.limit->algorithm->has_windows
            ? keeper_.push(counter, {use.names.of(counter.key.view(), at.window.start_ms), -rest,
                                     shard_of(counter).expire_at_ms(at.window)})
            : keeper_.push_to_bucket(counter, -rest, 0, now);
    if (!pushed) return paid;
    knows_otherwise(counter, now);
    stats_.overdrawn += static_cast<std::uint64_t>(rest);
  }
  return permits;
}

}  // namespace rategate
