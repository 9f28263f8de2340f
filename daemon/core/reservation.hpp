// What is asked of the store and what it answers: the words of daemon/io/reserve.lua as types.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/core/time.hpp"

namespace rategate {

// `count` checks in a row, each of `cost` permits.
struct CostRun {
  std::int64_t cost = 1;
  std::int64_t count = 1;
};

struct Reservation {
  std::uint64_t id = 0;  // of this gate; comes back with the answer
  std::string counter;   // its name in the store
  Window window;
  std::int64_t limit = 0;         // permits per window
  std::int64_t ahead_ms = 0;      // the store refuses a window that starts later than this from now
  std::int64_t expire_at_ms = 0;  // the counter lives at least until then
  std::vector<CostRun> costs;     // in the order of the checks
};

struct ReserveAnswer {
  enum class Status : std::uint8_t { Looked = 0, WindowOver = 1, TooFarAhead = 2 };
  Status status = Status::Looked;
  std::int64_t counter = 0;           // after this reservation
  StoreTime time;                     // the store's clock when it looked
  std::vector<std::int64_t> granted;  // of each run, how many checks; empty unless Looked
};

}  // namespace rategate
