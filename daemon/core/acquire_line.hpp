// Those of a line that wait in ACQUIRE, and what is booked for them: docs/waiting.md.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/core/waiters.hpp"
#include "daemon/limit/token_bucket.hpp"

namespace rategate {

// Permits of a bucket that were charged, and are good at a moment to come.
struct Booking {
  StoreTime at;
  std::int64_t cost = 1;
};

// First come first served. It grows by one for each of them, and their number is bounded.
struct AcquireLine {
  Waiters::List parked;  // not to be asked for before it wakes
  Mono wakes;
  std::int64_t parked_permits = 0;  // what they cost together
  std::uint32_t asking = 0;         // among those that are due, asked for, or asked to be booked

  // Of a bucket.
  Waiters::List booking;                    // part of the reservation under way, to be booked
  std::vector<BookingAsked> asked_to_book;  // the same, as the store was asked
  Waiters::List booked;
  std::deque<Booking> bookings;  // the soonest first
  std::uint32_t booked_for = 0;  // how many are in `booked`
  std::int64_t booked_permits = 0;
  Mono confirms;  // the store is not asked before whether it has them

  std::uint32_t count = 0;  // of all of them
  bool over() const { return count == 0 && bookings.empty(); }
};

}  // namespace rategate
