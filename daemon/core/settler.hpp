// What becomes of permits that were taken and not used, and of such that were used and never taken:
// docs/settling.md. Nothing is given back that this host has not spent of the same window, slice or
// bucket, whatever is asked for. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/core/clear_marks.hpp"
#include "daemon/core/counters.hpp"
#include "daemon/core/decider.hpp"
#include "daemon/core/lease_keeper.hpp"
#include "daemon/core/shard.hpp"

namespace rategate {

class Settler {
 public:
  // All outlive it.
  Settler(Counters& counters, std::vector<Shard>& shards, LeaseKeeper& keeper,
          const Decider& decider, const ClearMarks& marks, Books& books, GateStats& stats)
      : counters_(counters),
        shards_(shards),
        keeper_(keeper),
        decider_(decider),
        marks_(marks),
        books_(books),
        stats_(stats) {}

  // Who says that they were not used.
  enum class Whose : std::uint8_t {
    Takers,  // whoever was told of them
    Own,     // the daemon, as nobody was: they are of a combined check that is denied
  };
  // Takes permits back that the counter gave by a receipt of that moment: how many, of so many.
  // They go where the limit's `settle` says; the daemon's own never into a bucket: that some may
  // come back is no promise of one.
  std::int64_t give_back(CounterId id, std::int64_t until_ms, std::int64_t permits, Whose whose,
                         Mono now);
  // Charges so many to the counter, whatever is left of it: how many. What the host holds of it
  // pays first.
  std::int64_t charge(CounterId id, std::int64_t permits, Mono now);

 private:
  std::int64_t give_back_in_window(Counter& counter, std::int64_t until_ms, std::int64_t permits,
                                   Whose whose, Mono now);
  std::int64_t give_back_to_slices(Counter& counter, std::int64_t until_ms, std::int64_t permits,
                                   Whose whose, Mono now);
  std::int64_t give_back_to_bucket(Counter& counter, std::int64_t until_ms, std::int64_t permits,
                                   Mono now);
  std::int64_t used(const Counter& counter, const Window& window) const;
  std::int64_t give_back_own_to_log(Counter& counter, std::int64_t until_ms, std::int64_t permits,
                                    Mono now);
  // It holds more, or less, than this host was told of last, which asks again.
  void knows_otherwise(Counter& counter, Mono now);
  void put_into_pool(Counter& counter, const Window& window, std::int64_t permits, Whose whose,
                     Mono now);
  const Shard& shard_of(const Counter& counter) const { return shards_[counter.shard.value]; }

  Counters& counters_;
  std::vector<Shard>& shards_;
  LeaseKeeper& keeper_;
  const Decider& decider_;
  const ClearMarks& marks_;
  Books& books_;
  GateStats& stats_;
};

}  // namespace rategate
