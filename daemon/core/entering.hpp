// What is asked of the HoldKeeper, and how it ends.
#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/base/time.hpp"
#include "daemon/core/request.hpp"
#include "daemon/limit/limit_table.hpp"

namespace rategate {

struct EntryRequest {
  const LimitUsePtr& limit;  // a concurrency limit
  std::string_view key;      // good during the call
  std::int64_t cost = 1;
  std::uint64_t ticket = 0;  // comes back in the answer
  std::uint32_t flow = 0;    // the connection that asks
  Mono patience{};           // not 0: it waits until then for others to leave
  std::int64_t for_us = 0;   // not 0: it lasts so long, and once told() belongs to no connection
};

struct EntryDecision {
  bool entered = false;
  std::int64_t limit = 0;
  std::int64_t remaining = 0;       // slots that this host knows to be free: an estimate
  std::int64_t retry_after_ms = 0;  // 0 where it has entered, -1 where it never can
  std::uint64_t entry = 0;          // its ticket; 0: it has not entered
};

struct EntryResult {
  bool waits = false;
  Verdict verdict = Verdict::Decided;
  EntryDecision decision;
};

// The end of one that has waited.
struct EntryAnswer {
  std::uint64_t ticket = 0;
  Verdict verdict = Verdict::Decided;
  EntryDecision decision;
  LimitPtr limit;
};

}  // namespace rategate
