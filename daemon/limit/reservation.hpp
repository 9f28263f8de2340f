// What is asked of the store and what it answers: the words of daemon/store/scripts/reserve.lua and
// release.lua as types.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/limit/bucket.hpp"
#include "daemon/limit/cost_runs.hpp"
#include "daemon/limit/fixed_window.hpp"

namespace rategate {

// The block that stands beside a counter, or is set where a cost is refused: docs/blocking.md.
struct BlockAsked {
  std::string name;           // in the store
  std::int64_t lasts_ms = 0;  // 0: it is lifted
};

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
  std::optional<BucketAsked> bucket;   // where the counter is one
  std::vector<BookingAsked> bookings;  // out of it, after the costs, in order
  std::optional<BlockAsked> block{};   // of a limit that blocks keys
  bool alone = false;                  // it must share a call with no other
  // The window is counted on after a loss: the counter's base has to be where the counter is.
  bool names_base = false;
  // Not 0: those of that number, which stand behind one another in a call, are decided together
  // (see group.hpp). Each has one run, of as many checks as the others, whose cost is not 0; no
  // lease, nothing in hand, and no bookings.
  std::uint64_t group = 0;
  std::int64_t known =
      0;  // of one of those that is a window: the counter must hold so much at least
};

struct ReserveAnswer {
  enum class Status : std::uint8_t {
    Looked = 0,
    WindowOver = 1,
    TooFarAhead = 2,
    Spoilt = 3,   // the counter holds something that is no whole number
    Refused = 4,  // the store refused this counter, and perhaps no other
    Blocked = 5,  // its block stands; the counter was not looked at
  };
  Status status = Status::Looked;
  StoreTime time;  // the store's clock when it looked
  // Where it was looked at:
  std::int64_t counter = 0;  // after this reservation
  Bucket bucket{};           // the same, where it is one; its numbers are those of the call
  std::int64_t leased = 0;   // permits ahead
  std::int64_t ends_ms = 0;  // of a bucket: they are good before then
  std::vector<std::int64_t> granted;  // of each run, how many checks
  std::vector<StoreTime> booked;      // of each booking, when its permits are good; 0: they are not
  // Where it is blocked, or is from now on, when that ends (ms of the store's clock); 0: it is not.
  std::int64_t blocked_until_ms = 0;
  // Where it was refused: what the store said.
  std::string error;
};
// Whether it grants nothing that was not asked for.
bool is_answer_to(const CostRuns& costs, std::span<const BookingAsked> bookings,
                  const ReserveAnswer& answer);
// Whether a cost that takes something was refused; is_answer_to() holds.
bool refuses_some(const CostRuns& costs, const ReserveAnswer& answer);
// What the checks are granted in all; is_answer_to() holds.
std::int64_t granted_permits(const CostRuns& costs, const ReserveAnswer& answer);
// What is booked in all; is_answer_to() holds.
std::int64_t booked_permits(std::span<const BookingAsked> bookings, const ReserveAnswer& answer);
// What the counter grew by: what was granted and not paid out of the hand, the lease, and what is
// booked.
std::int64_t charged_permits(const CostRuns& costs, std::span<const BookingAsked> bookings,
                             std::int64_t in_hand, const ReserveAnswer& answer);
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

// Permits given back: they were reserved, and shown to nobody, or whoever took them did not use
// them. Or, negative, permits that were used and never taken: they are charged without a test. Sent
// once; no answer is waited for.
struct Release {
  std::string counter;
  std::int64_t permits = 0;
  std::int64_t expire_at_ms = 0;        // of what is charged: the counter lives at least until then
  std::optional<BucketAsked> bucket{};  // where the counter is one
};
// What a release to a bucket is to the store: a reservation of nothing that begins with it.
Reservation reservation_of(const Release& release);

// A counter is to begin anew, or its mark to be told: the words of daemon/store/scripts/clear.lua
// as types.
struct Clear {
  std::uint64_t id = 0;  // comes back with the answer; where the mark is told, the reservation's
  std::string counter;
  Window window;
  std::int64_t mark = 0;                // the new one; 0: it is only told which one there is
  std::int64_t expire_at_ms = 0;        // counter and mark live at least until then
  std::optional<BucketAsked> bucket{};  // where the counter is one; it is always cleared
  std::string block{};                  // that is lifted with it; empty: there is none
};
inline constexpr std::int64_t kMostMark = std::int64_t{1} << 53;
// What clearing a bucket is to the store: a reservation of nothing, by which all of it comes back.
Reservation reservation_of(const Clear& clear);

struct ClearAnswer {
  enum class Status : std::uint8_t {
    Done,        // it holds nothing now; of a question, it is answered
    NotThere,    // there was no such counter
    WindowOver,  // nothing was written
  };
  Status status = Status::Done;
  // What the counter held; of a bucket, what came back, as far as kMaxPermits. Or the mark, 0 for
  // none.
  std::int64_t number = 0;
  Bucket bucket{};  // after it, where it is one; its numbers are those of the call
  StoreTime time;   // of that
};

}  // namespace rategate
