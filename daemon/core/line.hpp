// The line before a counter: the checks that wait for it, what was asked of the store for them, and
// the line's place among those that are to be asked for.
#pragma once

#include <cstdint>
#include <memory>

#include "daemon/base/time.hpp"
#include "daemon/core/acquire_line.hpp"
#include "daemon/core/hand.hpp"
#include "daemon/core/ids.hpp"
#include "daemon/core/waiters.hpp"
#include "daemon/limit/cost_runs.hpp"

namespace rategate {

struct Line {
  CounterId counter;
  Waiters::List due;                     // not asked for yet
  Waiters::List asked;                   // part of the reservation under way
  Waiters::List leaving;                 // for another counter, at once: see Reserver::going_on()
  std::unique_ptr<AcquireLine> acquire;  // null: nobody is in ACQUIRE
  std::uint64_t reservation = 0;         // its id; 0: none is under way
  ShardId shard;             // whom it was asked of; the counter may be in another by now
  Window window;             // of the reservation
  CostRuns costs;            // of it
  Hand hand;                 // what it was told to be in hand ...
  Window hand_of;            // ... and of which window that is, or slice
  bool slices_over = false;  // the clock by which that slice ends is another one by now
  StoreTime emptied;         // of a bucket: what it was told to be lost
  // What it rode with was refused: it is asked for once more, in a call of its own.
  bool alone = false;
  // It lost time to a refusal, or to a counter elsewhere, and is asked for although little is left.
  bool retried = false;

  // The queue that it stands in, if any, is that of the lines set aside: see Shard.
  bool aside = false;

  // Its place in the LineQueue, which writes these.
  bool queued = false;
  std::uint32_t flow = 0;  // the client in whose turn it is, or was last, asked for
  LineId before, behind;

  // Whether its reservation is for checks of that client, and no lease alone.
  bool is_asked_for_client() const {
    return reservation != 0 && (!costs.empty() || (acquire && !acquire->asked_to_book.empty()));
  }
  AcquireLine& make_acquire() {
    if (!acquire) acquire = std::make_unique<AcquireLine>();
    return *acquire;
  }
  bool is_queued() const { return queued; }
  // Whether the store is being asked for it, or is to be.
  bool busy() const {
    return reservation != 0 || !due.empty() || !asked.empty() || !leaving.empty() || is_queued();
  }
  bool over() const { return !busy() && (!acquire || acquire->over()); }
};

}  // namespace rategate
