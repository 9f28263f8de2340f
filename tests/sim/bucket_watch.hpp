// Holds one token bucket to what it promises, by arithmetic of its own: what is granted of it, by
// the store's moments, and what checks are told, by when they were asked and told.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "daemon/limit/token_bucket.hpp"

namespace rategate::sim {

// Of a limit whose counters are buckets.
struct BucketNumbers {
  FillRate rate;
  std::int64_t burst = 0;
};

// All that some host goes by, at any time of the schedule: together hosts pass at most the sum of
// the bursts, and what flows in at the highest rate.
class BucketPromise {
 public:
  void add(const BucketNumbers& numbers);
  // Whether so many may be spent within that time.
  bool holds(std::int64_t permits, std::int64_t us) const;
  const FillRate& rate() const { return rate_; }
  std::int64_t burst() const { return burst_; }

 private:
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t>> seen_;
  FillRate rate_{1, INT64_MAX};
  std::int64_t burst_ = 0;
};

class BucketWatch {
 public:
  // The store has granted so many at that moment, and the bucket is that now.
  void granted(std::int64_t permits, const TokenBucket& now_is, std::int64_t now_us) {
    states_.push_back({now_us, permits, now_is});
  }
  // A check was told that it is allowed.
  void allowed(std::int64_t cost, std::int64_t asked_us, std::int64_t told_us) {
    allowed_.push_back({cost, asked_us, told_us});
  }
  // Whether there was room for the cost all the time from when it was asked until it was told.
  bool had_room(const BucketNumbers& of, std::int64_t cost, std::int64_t asked_us,
                std::int64_t told_us) const;
  // What is wrong with what was granted, or "".
  std::string judge_granted(const BucketPromise& promise) const;
  // The same of what checks were told: of those that were asked and told within some interval all
  // are spent in it.
  std::string judge_allowed(const BucketPromise& promise) const;

 private:
  struct State {
    std::int64_t at_us;
    std::int64_t granted;
    TokenBucket bucket;
  };
  struct Allowed {
    std::int64_t cost;
    std::int64_t asked_us;
    std::int64_t told_us;
  };
  std::vector<State> states_;  // in the order of their moments
  std::vector<Allowed> allowed_;
};

}  // namespace rategate::sim
