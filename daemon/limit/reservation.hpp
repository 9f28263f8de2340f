// What is asked of the store and what it answers: the words of daemon/store/scripts/reserve.lua and
// release.lua as types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/limit/cost_runs.hpp"
#include "daemon/limit/fixed_window.hpp"
#include "daemon/limit/token_bucket.hpp"

namespace rategate {

struct Reservation {
  std::uint64_t id = 0;  // of this gate; comes back with the answer
  std::string counter;   // its name in the store
  Window window;
  std::int64_t limit = 0;         // permits per window
  std::int64_t ahead_ms = 0;      // the store refuses a window that starts later than this from now
  std::int64_t expire_at_ms = 0;  // the counter lives at least until then
  std::int64_t lease = 0;         // permits wanted ahead, after the costs
  std::int64_t in_hand = 0;       // permits taken out of the pool, which are put towards the costs
  CostRuns costs;                 // in the order of the checks; none where it is a lease alone
  const Algorithm* algorithm = &kFixedWindow;
  std::optional<BucketAsked> bucket;  // where the counter is one
  bool alone = false;                 // it must share a call with no other
  // The window is counted on after a loss: the counter's base has to be where the counter is.
  bool names_base = false;
};

struct ReserveAnswer {
  enum class Status : std::uint8_t {
    Looked = 0,
    WindowOver = 1,
    TooFarAhead = 2,
    Spoilt = 3,   // the counter holds something that is no whole number
    Refused = 4,  // the store refused this counter, and perhaps no other
  };
  Status status = Status::Looked;
  StoreTime time;  // the store's clock when it looked
  // Where it was looked at:
  std::int64_t counter = 0;           // after this reservation
  TokenBucket bucket;                 // the same, where it is one; its rate is that of the call
  std::int64_t leased = 0;            // permits ahead
  std::int64_t ends_ms = 0;           // of a bucket: they are good before then
  std::vector<std::int64_t> granted;  // of each run, how many checks
  // Where it was refused: what the store said.
  std::string error;
};
// Whether it grants nothing that was not asked for.
bool is_answer_to(const CostRuns& costs, const ReserveAnswer& answer);
// What the checks are granted in all; is_answer_to() holds.
std::int64_t granted_permits(const CostRuns& costs, const ReserveAnswer& answer);
// What the counter grew by: what was granted and not paid out of the hand, and the lease.
std::int64_t charged_permits(const CostRuns& costs, std::int64_t in_hand,
                             const ReserveAnswer& answer);
std::int64_t charged_permits(const Reservation& reservation, const ReserveAnswer& answer);
// Whether the counter grew, by an answer that is one to it.
bool has_charged(const Reservation& reservation, const ReserveAnswer& answer);

// What this host knows of a counter whose count the store has lost: the words of
// daemon/store/scripts/recount.lua as types.
struct Recount {
  std::uint64_t id = 0;  // of the counter, in this gate
  std::string counter;
  Window window;
  std::int64_t known = 0;         // the highest count that this host was told
  std::int64_t expire_at_ms = 0;  // the counter lives at least until then
};

// Permits given back: they were reserved, and shown to nobody. Sent once; no answer is waited for.
struct Release {
  std::string counter;
  std::int64_t permits = 0;
};

}  // namespace rategate
