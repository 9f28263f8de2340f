// What is asked of the gate, and how it ends.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "daemon/core/ask.hpp"
#include "daemon/core/waiters.hpp"
#include "daemon/limit/decision.hpp"
#include "daemon/limit/limit_table.hpp"
#include "daemon/limit/members.hpp"

namespace rategate {

struct Explanation;

// A check of one limit, or a look at it.
struct Request {
  const LimitUsePtr& limit;
  std::string_view key;  // at most kMaxKeyBytes; good during the call
  Ask ask{};
  std::uint64_t ticket = 0;  // comes back in the answer
  std::uint32_t flow = 0;    // the client that asks; the store is shared evenly among clients
  Telling telling = Telling::Integers;
  Mono patience{};         // not 0: it is in ACQUIRE, and waits until then for permits
  bool is_member = false;  // of a combined check, which is told instead of the asker

  // The same of another limit, which outlives it.
  Request of(const LimitUsePtr& other) const {
    return {other, key, ask, ticket, flow, telling, patience, is_member};
  }
};

// A check of several limits at once: docs/combined.md.
struct CombinedRequest {
  Members members;    // 1 to kMostMembers
  bool takes = true;  // the permits; else it is a look at all of them
  std::uint64_t ticket = 0;
  std::uint32_t flow = 0;
  Telling telling = Telling::Integers;
  bool explains = false;  // with takes false: all that led to the decision is to be told
  Mono patience{};        // not 0: it is in ACQUIRE, and waits until then for permits
};

// What was used of permits that a check took of the limit for the key.
struct Settlement {
  const LimitUsePtr& limit;
  std::string_view key;
  std::int64_t took = 0;     // permits, 0 to kMaxPermits
  std::int64_t used = 0;     // the same
  std::int64_t receipt = 0;  // the decision's, not negative
};

// A limit is to begin anew for a key.
struct ClearRequest {
  const LimitUsePtr& limit;
  std::string_view key;
  std::uint64_t ticket = 0;  // comes back with the answer
};

// How a check ended.
enum class Verdict : std::uint8_t {
  Decided,    // the decision says it
  StoreDown,  // on_store_down = "error"
  Stopping,   // the daemon stops, and gave up waiting
  Crowded,    // too many are in ACQUIRE
};

struct CheckResult {
  bool waits = false;
  Verdict verdict = Verdict::Decided;  // when it does not wait
  Decision decision;                   // when decided
  WaiterId waiter;                     // when it waits, for abandon()
  // Of a member of a combined check: there are as many permits, and none was taken, as something
  // that was asked for together with it was not granted.
  bool spared = false;
  // By what it was decided, where that is a rule for keys of the limit, or of a combined check the
  // limit that the decision is of: good until something else is asked of the gate. Null: the limit
  // itself.
  LimitUse* by_rule = nullptr;
};

// The end of a check that has waited.
struct Answer {
  std::uint64_t ticket = 0;
  Verdict verdict = Verdict::Decided;
  Decision decision;
  Telling telling = Telling::Integers;
  LimitPtr limit;  // where what is told names it: with StoreDown, and in a map
  // What is told in place of the decision, where that was asked for.
  std::shared_ptr<const Explanation> explanation{};
};

}  // namespace rategate
