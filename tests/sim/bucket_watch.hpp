// Holds one token bucket or sliding window to what it promises, by arithmetic of its own: what is
// granted of it, by the store's moments, and what checks are told, by when they were asked and
// told.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "daemon/limit/bucket.hpp"

namespace rategate::sim {

// Of a limit whose counters are buckets.
struct BucketNumbers {
  FillRate rate;
  LogNumbers log;
  std::int64_t burst = 0;
  // Where it is leased: so long ago the store may have said that nothing is left, who is not asked
  // again until then.
  std::int64_t believed_us = 0;
  std::int64_t nothing = 0;  // and so few were as good as none
};

// All that some host goes by, at any time of the schedule: together hosts pass at most the sum of
// the bursts, and what flows in at the highest rate. Of a sliding window in each period the highest
// limit.
class BucketPromise {
 public:
  void add(const BucketNumbers& numbers);
  // Whether so many may be spent within that time.
  bool holds(std::int64_t permits, std::int64_t us) const;
  const FillRate& rate() const { return rate_; }
  std::int64_t period_us() const { return period_us_; }  // of a sliding window; else 0
  std::int64_t burst() const { return burst_; }

 private:
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t>> seen_;
  FillRate rate_{1, INT64_MAX};
  std::int64_t period_us_ = 0;
  std::int64_t burst_ = 0;
};

class BucketWatch {
 public:
  // What the store has granted at that moment, when the bucket became `now_is`. All moments are of
  // the store's clock, which is so far behind that by which all else is told here.
  struct Granted {
    int daemon;
    std::int64_t at_us;
    std::int64_t permits;  // to be spent then ...
    std::int64_t leased;   // ... and before they end
    std::int64_t until_us;
    std::int64_t of_leases;  // what the daemon held is spent then
    Bucket now_is;
    BucketAsked asked;  // what the daemon goes by
    // What it takes for several limits at once may be put into the slice that ends with its entry.
    bool may_be_put_back;
    std::int64_t behind_us = 0;
  };
  void granted(const Granted& what);
  // The store has booked so many for the daemon, which are good at that moment. They count as
  // granted when somebody is told of them, by their receipt; not before it.
  void booked(int daemon, std::int64_t permits, std::int64_t good_us, const LogNumbers& log,
              std::int64_t behind_us) {
    bookings_[daemon].push_back({good_us + behind_us, permits, receipt_ms(log, good_us)});
  }
  void told_of_booking(int daemon, std::int64_t cost, std::int64_t receipt_ms, std::int64_t now_us);
  // The daemon has had the answer that the store gave at that moment, and goes by it.
  void heard(int daemon, std::int64_t at_us, std::int64_t now_us) {
    heard_[daemon].push_back({at_us, now_us});
  }
  // So many were given back to the bucket at that moment; to a log, to the entry of that end.
  void came_back(int daemon, std::int64_t permits, std::int64_t end_ms, std::int64_t now_us);
  // It was cleared at that moment by the daemon: what that had leased is leased to nobody, unless
  // it is `late`.
  void cleared(int daemon, bool late, const Bucket& now_is, std::int64_t now_us);
  // It was charged without a test.
  void overdrawn() { overdrawn_ = true; }
  // The store has lost it, and what it owed: who was told of that before may deny for longer.
  void lost() { lost_ = true; }
  // What the daemon had spent of a slice that ends then may be spent again.
  void came_back_to_slice(int daemon, std::int64_t permits, std::int64_t until_us);
  // The daemon has spent so many of what was leased to it.
  void spent_of_leases(int daemon, std::int64_t permits, std::int64_t now_us);
  // A check was told that it is allowed.
  void allowed(std::int64_t cost, std::int64_t asked_us, std::int64_t told_us) {
    allowed_.push_back({cost, asked_us, told_us});
  }
  // One of those has used so many less.
  void used_less(std::int64_t cost, std::int64_t asked_us, std::int64_t told_us, std::int64_t back);
  // Whether there was room for the cost all the time from when it was asked, or what was known
  // then, until it was told; where hosts go by different numbers, or the bucket may be in debt, by
  // what the daemon was told, too: a bucket that was lost begins empty by one host's burst, while
  // another one knows of more.
  bool had_room(int daemon, const BucketNumbers& of, std::int64_t cost, std::int64_t asked_us,
                std::int64_t told_us) const;
  // What is wrong with what was granted, or "".
  std::string judge_granted(const BucketPromise& promise) const;
  // The same of what checks were told: of those that were asked and told within some interval all
  // are spent in it.
  std::string judge_allowed(const BucketPromise& promise) const;

 private:
  std::string judge_worst(const BucketPromise& promise) const;
  std::string judge_log(const BucketPromise& promise) const;
  static std::int64_t receipt_ms(const LogNumbers& log, std::int64_t at_us) {
    return log.none() ? at_us / 1000 : stamp_of(log, StoreTime{at_us});
  }
  struct Lease {
    std::int64_t until_us;
    std::int64_t left;
  };
  struct State {
    int daemon;
    std::int64_t at_us;
    std::int64_t until_us;
    std::int64_t granted;
    Bucket bucket;
    std::int64_t seen_us;  // when the store was asked
    bool clears = false;
    std::int64_t end_ms = 0;  // of its entry in a log
  };
  struct Booking {
    std::int64_t good_us;
    std::int64_t permits;
    std::int64_t receipt_ms;
    bool cleared = false;  // the bucket was, since: docs/clearing.md
  };
  struct Heard {
    std::int64_t at_us;
    std::int64_t told_us;
  };
  void lease(int daemon, const Lease& lease);
  std::int64_t believes_since_us(int daemon, std::int64_t asked_us) const;
  std::vector<State> all_states() const;
  struct Allowed {
    std::int64_t cost;
    std::int64_t asked_us;
    std::int64_t told_us;
  };
  std::optional<std::pair<FillRate, std::int64_t>> numbers_;  // of the first that asked
  bool mixed_ = false;                                        // others had other ones
  bool overdrawn_ = false;
  bool lost_ = false;
  std::map<int, std::vector<Lease>> leases_;      // of each daemon, in the order of their ends
  std::string overspent_;                         // more than was leased, or later
  std::vector<State> states_;                     // in the order in which the store was asked
  std::vector<State> told_;                       // the same of what was booked, as they were told
  std::map<int, std::vector<Booking>> bookings_;  // of which nobody was told yet
  std::map<int, std::vector<Heard>> heard_;       // by daemon, in order
  std::vector<Allowed> allowed_;
  std::int64_t came_back_ = 0;  // to the store
};

}  // namespace rategate::sim
