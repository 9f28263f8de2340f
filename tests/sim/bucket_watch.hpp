// Holds one token bucket to what it promises, by arithmetic of its own: what is granted of it, by
// the store's moments, and what checks are told, by when they were asked and told.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "daemon/limit/token_bucket.hpp"

namespace rategate::sim {

// Of a limit whose counters are buckets.
struct BucketNumbers {
  FillRate rate;
  std::int64_t burst = 0;
  // Where it is leased: so long ago the store may have said that nothing is left, who is not asked
  // again until then.
  std::int64_t believed_us = 0;
  std::int64_t nothing = 0;  // and so few were as good as none
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
  // What the store has granted at that moment, when the bucket became `now_is`.
  struct Granted {
    int daemon;
    std::int64_t at_us;
    std::int64_t permits;  // to be spent then ...
    std::int64_t leased;   // ... and before they end
    std::int64_t until_us;
    std::int64_t of_leases;  // what the daemon held is spent then
    TokenBucket now_is;
    std::int64_t burst;  // that the daemon goes by
  };
  void granted(const Granted& what);
  // The daemon has spent so many of what was leased to it.
  void spent_of_leases(int daemon, std::int64_t permits, std::int64_t now_us);
  // A check was told that it is allowed.
  void allowed(std::int64_t cost, std::int64_t asked_us, std::int64_t told_us) {
    allowed_.push_back({cost, asked_us, told_us});
  }
  // Whether there was room for the cost all the time from when it was asked, or what was known
  // then, until it was told; where hosts go by different numbers by what the daemon was told, too:
  // a bucket that was lost begins empty by one host's burst, while another one knows of more.
  bool had_room(int daemon, const BucketNumbers& of, std::int64_t cost, std::int64_t asked_us,
                std::int64_t told_us) const;
  // What is wrong with what was granted, or "".
  std::string judge_granted(const BucketPromise& promise) const;
  // The same of what checks were told: of those that were asked and told within some interval all
  // are spent in it.
  std::string judge_allowed(const BucketPromise& promise) const;

 private:
  std::string judge_worst(const BucketPromise& promise) const;
  struct Lease {
    std::int64_t until_us;
    std::int64_t left;
  };
  struct State {
    int daemon;
    std::int64_t at_us;
    std::int64_t until_us;
    std::int64_t granted;
    TokenBucket bucket;
  };
  struct Allowed {
    std::int64_t cost;
    std::int64_t asked_us;
    std::int64_t told_us;
  };
  std::optional<std::pair<FillRate, std::int64_t>> numbers_;  // of the first that asked
  bool mixed_ = false;                                        // others had other ones
  std::map<int, std::vector<Lease>> leases_;  // of each daemon, in the order of their ends
  std::string overspent_;                     // more than was leased, or later
  std::vector<State> states_;                 // in the order of their moments
  std::vector<Allowed> allowed_;
};

}  // namespace rategate::sim
