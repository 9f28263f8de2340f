// What is asked of the gate, and how it ends.
#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/core/waiters.hpp"
#include "daemon/limit/decision.hpp"
#include "daemon/limit/limit_table.hpp"

namespace rategate {

// A check of one limit.
struct Request {
  const LimitUsePtr& limit;
  std::string_view key;      // at most kMaxKeyBytes; good during the call
  std::int64_t cost = 1;     // permits, 1 to kMaxPermits
  std::uint64_t ticket = 0;  // comes back in the answer
  std::uint32_t flow = 0;    // the client that asks; the store is shared evenly among clients
};

// How a check ended.
enum class Verdict : std::uint8_t {
  Decided,    // the decision says it
  StoreDown,  // on_store_down = "error"
  Stopping,   // the daemon stops, and gave up waiting
};

struct CheckResult {
  bool waits = false;
  Verdict verdict = Verdict::Decided;  // when it does not wait
  Decision decision;                   // when decided
  WaiterId waiter;                     // when it waits, for abandon()
};

// The end of a check that has waited.
struct Answer {
  std::uint64_t ticket = 0;
  Verdict verdict = Verdict::Decided;
  Decision decision;
  LimitPtr limit;  // with StoreDown only, which names it
};

}  // namespace rategate
