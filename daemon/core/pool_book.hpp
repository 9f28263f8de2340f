// Whose pool it is, while its permits are moved: where they lie in shared memory, and where each
// movement is booked at once, so that nobody has to settle anything later. The lease keeper makes
// one for each handling of a pool.
#pragma once

#include <cstdint>

#include "daemon/base/time.hpp"
#include "daemon/core/books.hpp"
#include "daemon/core/demand.hpp"
#include "daemon/core/schedule.hpp"
#include "daemon/core/shared_pools.hpp"
#include "daemon/core/spent_lately.hpp"
#include "daemon/limit/limit_table.hpp"

namespace rategate {

struct PoolBook {
  SharedPools* shared;  // null: there is no segment
  Books& books;
  LimitUse& use;
  Demand& demand;
  Schedule* schedule;     // null: none
  std::uint64_t& forged;  // words that held what was never put there
  Mono now;
  // What is moved is of a window that is still to open. What the segment says is left is of the
  // open one.
  bool ahead = false;
  // Of a bucket whose permits may be given back to the store: what was spent of it. Null: not so.
  SpentLately* spent_lately = nullptr;
  std::int64_t settle_within_us = 0;

  // Somebody on this host spent them: that is the demand which leases follow.
  void note_demand(std::int64_t permits) {
    if (schedule != nullptr) schedule->used = now;
    demand.spent(now, permits, use.demand_us);
  }
  // Permits that are missing in a shared word.
  void spent_by_clients(std::int64_t permits) {
    if (permits == 0) return;
    books.spent_by_clients(permits);
    use.tally->spent_by_clients(permits);
    note_demand(permits);
    if (spent_lately != nullptr) spent_lately->spent(permits, now, settle_within_us);
  }
  // Permits that they had taken of it are there again: a check of several limits was in vain. What
  // was learned of the demand stays, for it was demand.
  void put_back_by_clients(std::int64_t permits) {
    books.put_back(permits);
    use.tally->put_back += permits;
    if (spent_lately != nullptr) spent_lately->take_back(permits, now, settle_within_us);
  }
  // Nobody knows where they went: a shared word held what was never put there. They are nobody's
  // demand, and what was learned of the demand is forgotten, because a lease that follows it
  // would be lost like this one.
  void vanished(std::int64_t permits) {
    ++forged;
    stranded(permits);
    demand = Demand{};
  }
  void stranded(std::int64_t permits) {
    if (permits != 0) books.stranded(permits);
  }
};

}  // namespace rategate
