// How a limit counts, as a table of plain functions: what else there may be than the fixed window.
// It has no state; what it knows of a counter comes in as arguments, and time with it. One per
// limit, chosen once. Everything between a check and the store asks here for what is the
// algorithm's own: the term of a permit, what an answer teaches, and what a store grants. The grant
// in C++ is that of the memory store; a Redis grants by a script of the same arithmetic, and a test
// compares the two.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "daemon/limit/clock_reading.hpp"
#include "daemon/limit/cost_runs.hpp"

namespace rategate {

// What a store is asked for beside the costs of checks, and what its counter holds.
struct GrantAsked {
  std::int64_t counter = 0;
  std::int64_t limit = 0;    // permits
  std::int64_t lease = 0;    // permits wanted ahead of the costs
  std::int64_t in_hand = 0;  // permits the host holds and puts towards the costs
};

// What a store gives of it.
struct Grant {
  std::vector<std::int64_t> granted;  // of each run, how many checks
  std::int64_t leased = 0;            // permits ahead of the checks
  std::int64_t total = 0;             // what the counter grows by
};

// What the counter's number says of the term.
struct Standing {
  std::int64_t left = 0;   // permits, 0 to the limit; an estimate for `remaining`
  bool exhausted = false;  // nothing is left for anybody: denied here until the term ends
};

struct Algorithm {
  std::string_view name;
  // Its counters are of one window each. Else a counter lasts, and what it holds is told by
  // daemon/limit/bucket.hpp; there is no `standing` and no `grant` then.
  bool has_windows;
  // The term in which a permit reserved at that reading is good, as a window.
  Placed (*place)(const ClockReading& reading, std::int64_t period_ms);
  Standing (*standing)(std::int64_t counter, std::int64_t limit);
  // Defined for all numbers.
  Grant (*grant)(const GrantAsked& asked, const CostRuns& costs);
};

}  // namespace rategate
