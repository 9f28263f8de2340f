#include "tests/sim/bucket_watch.hpp"

#include <algorithm>
#include <iterator>

#include "daemon/core/known_bucket.hpp"

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
  if (!overspent_.empty()) return overspent_;
  const FillRate& rate = promise.rate();
  Wide full = 0;
  for (const State& state : states_) {
    const Wide now = Wide{state.at_us} * rate.permits;
    const Wide until = Wide{state.until_us} * rate.permits;
    if (state.granted > 0) full = std::max(full, until) + Wide{state.granted} * rate.us;
    if (full > now + Wide{promise.burst()} * rate.us) return judge_worst(promise);
  }
  return "";
}

// That what a lease takes out of the bucket early is not needed for the promise by itself. So what
// seems too much is looked at again: all that may be spent within an interval is spent in it.
std::string BucketWatch::judge_worst(const BucketPromise& promise) const {
  std::vector<std::int64_t> begins;
  for (const State& state : states_) {
    begins.push_back(state.at_us);
    begins.push_back(state.until_us);
  }
  for (const std::int64_t begin : begins) {
    std::int64_t permits = 0;
    for (const State& state : states_) {
      if (state.until_us < begin) continue;
      permits += state.granted;
      const std::int64_t end = std::max(begin, state.at_us);
      if (promise.holds(permits, end - begin)) continue;
      return "granted " + std::to_string(permits) + " to be spent from " + std::to_string(begin) +
             " to " + std::to_string(end) + " us, " + text_of(promise);
    }
  }
  return "";
}

bool BucketWatch::had_room(int daemon, const BucketNumbers& of, std::int64_t cost,
                           std::int64_t asked_us, std::int64_t told_us) const {
  std::int64_t least = of.burst;
  const auto look = [&](const TokenBucket& bucket, std::int64_t at_us) {
    const bool same = bucket.rate == of.rate;
    const TokenBucket seen = same ? bucket : TokenBucket{full_at(bucket).us, 0, of.rate};
    least = std::min(least, permits_in(seen, of.burst, StoreTime{at_us}));
  };
  const std::int64_t known_us = asked_us - of.believed_us;
  auto at = std::upper_bound(states_.begin(), states_.end(), known_us,
                             [](std::int64_t us, const State& state) { return us < state.at_us; });
  // It is at its lowest right after each answer, and when the check was asked.
  if (at != states_.begin()) look(std::prev(at)->bucket, known_us);
  const auto first = at;
  for (; at != states_.end() && at->at_us <= told_us; ++at) look(at->bucket, at->at_us);
  const auto told = std::find_if(std::reverse_iterator(first), states_.rend(),
                                 [&](const State& state) { return state.daemon == daemon; });
  if (mixed_ && told != states_.rend() && told->at_us > known_us - kBucketBelievedUs) {
    look(told->bucket, known_us);
  }
  return least >= cost + of.nothing;
}

void BucketWatch::granted(const Granted& what) {
  const std::pair numbers{what.now_is.rate, what.burst};
  mixed_ = mixed_ || numbers_.value_or(numbers) != numbers;
  numbers_ = numbers;
  // Where its answer is lost they are not spent, so that they are only looked for.
  const std::vector<Lease> before = leases_[what.daemon];
  spent_of_leases(what.daemon, what.of_leases, what.at_us);
  leases_[what.daemon] = before;
  states_.push_back({what.daemon, what.at_us, what.at_us, what.permits, what.now_is});
  if (what.leased == 0) return;
  states_.push_back({what.daemon, what.at_us, what.until_us, what.leased, what.now_is});
  std::vector<Lease>& leases = leases_[what.daemon];
  const auto behind = std::find_if(leases.begin(), leases.end(), [&](const Lease& lease) {
    return lease.until_us > what.until_us;
  });
  leases.insert(behind, {what.until_us, what.leased});
}

// From those that end first, so that what is too much then is too much in any order.
void BucketWatch::spent_of_leases(int daemon, std::int64_t permits, std::int64_t now_us) {
  std::vector<Lease>& leases = leases_[daemon];
  std::erase_if(leases, [&](const Lease& lease) { return lease.until_us <= now_us; });
  for (Lease& lease : leases) {
    const std::int64_t spent = std::min(lease.left, permits);
    lease.left -= spent;
    permits -= spent;
  }
  if (permits == 0 || !overspent_.empty()) return;
  overspent_ = "daemon " + std::to_string(daemon) + " spent " + std::to_string(permits) +
               " permits at " + std::to_string(now_us) + " us that were leased to nobody then";
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
