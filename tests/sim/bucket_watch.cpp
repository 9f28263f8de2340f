#include "tests/sim/bucket_watch.hpp"

#include <algorithm>

namespace rategate::sim {
namespace {
__extension__ typedef __int128 Wide;

std::string text_of(const BucketPromise& promise) {
  return "with a burst of " + std::to_string(promise.burst()) + " and " +
         std::to_string(promise.rate().permits) + " each " + std::to_string(promise.rate().us) +
         " us";
}
}  // namespace

void BucketPromise::add(const BucketNumbers& numbers) {
  if (!seen_.insert({numbers.rate.permits, numbers.rate.us, numbers.burst}).second) return;
  burst_ += numbers.burst;
  if (Wide{numbers.rate.permits} * rate_.us > Wide{rate_.permits} * numbers.rate.us) {
    rate_ = numbers.rate;
  }
}

bool BucketPromise::holds(std::int64_t permits, std::int64_t us) const {
  return (Wide{permits} - burst_) * rate_.us <= Wide{us} * rate_.permits;
}

// By the moment at which a bucket of all that is promised would be full again, in parts of a
// microsecond, as many as the rate's permits.
std::string BucketWatch::judge_granted(const BucketPromise& promise) const {
  const FillRate& rate = promise.rate();
  Wide full = 0;
  for (const State& state : states_) {
    const Wide now = Wide{state.at_us} * rate.permits;
    if (state.granted > 0) full = std::max(full, now) + Wide{state.granted} * rate.us;
    if (full <= now + Wide{promise.burst()} * rate.us) continue;
    return "granted " + std::to_string(state.granted) + " at " + std::to_string(state.at_us) +
           " us, " + text_of(promise);
  }
  return "";
}

bool BucketWatch::had_room(const BucketNumbers& of, std::int64_t cost, std::int64_t asked_us,
                           std::int64_t told_us) const {
  std::int64_t least = of.burst;
  const auto look = [&](const TokenBucket& bucket, std::int64_t at_us) {
    const bool same = bucket.rate == of.rate;
    const TokenBucket seen = same ? bucket : TokenBucket{full_at(bucket).us, 0, of.rate};
    least = std::min(least, permits_in(seen, of.burst, StoreTime{at_us}));
  };
  auto at = std::upper_bound(states_.begin(), states_.end(), asked_us,
                             [](std::int64_t us, const State& state) { return us < state.at_us; });
  // It is at its lowest right after each answer, and when the check was asked.
  if (at != states_.begin()) look(std::prev(at)->bucket, asked_us);
  for (; at != states_.end() && at->at_us <= told_us; ++at) look(at->bucket, at->at_us);
  return least >= cost;
}

std::string BucketWatch::judge_allowed(const BucketPromise& promise) const {
  std::vector<Allowed> by_end = allowed_;
  std::sort(by_end.begin(), by_end.end(),
            [](const Allowed& a, const Allowed& b) { return a.told_us < b.told_us; });
  for (const Allowed& first : allowed_) {
    std::int64_t permits = 0;
    for (const Allowed& each : by_end) {
      if (each.asked_us < first.asked_us) continue;
      permits += each.cost;
      if (promise.holds(permits, each.told_us - first.asked_us)) continue;
      return "allowed " + std::to_string(permits) + " within " +
             std::to_string(each.told_us - first.asked_us) + " us from " +
             std::to_string(first.asked_us) + " us, " + text_of(promise);
    }
  }
  return "";
}

}  // namespace rategate::sim
