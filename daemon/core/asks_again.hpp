// When who is in ACQUIRE, and was denied, is asked for again: docs/waiting.md. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "daemon/base/random.hpp"
#include "daemon/base/time.hpp"
#include "daemon/core/lease.hpp"
#include "daemon/core/request.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {

// A line is asked for up to so much after its window has opened, or a host that is near the store
// would always be the first; of a short window an eighth of it at most.
inline constexpr std::int64_t kSpreadUs = 5'000;
// Of a long window: permits may be given back before it is over.
inline constexpr std::int64_t kLookAgainUs = 2'000'000;

inline bool is_looked_at_again(const Limit& limit) {
  const bool is_calendar = limit.period_ms == 0;  // a week at least
  return is_calendar || limit.period_ms > kLongPeriodMs;
}

// By the denial of that limit; nothing where it is told, as waiting until `patience` is of no use.
inline std::optional<Mono> asks_again_at(const Limit& limit, const CheckResult& denied,
                                         Mono patience, Random& random, Mono now) {
  const Decision& decision = denied.decision;
  const bool may_change = decision.reason == Reason::OverLimit ||
                          (decision.reason == Reason::StoreAway && decision.by == DecidedBy::Host);
  if (patience.us == 0 || denied.verdict != Verdict::Decided || decision.allowed || !may_change) {
    return std::nullopt;
  }
  std::int64_t us = decision.retry_after_ms * 1000;
  const bool is_long = is_looked_at_again(limit);
  if (is_long) us = std::min(us, kLookAgainUs);
  if (after(now, us) >= patience) return std::nullopt;
  const std::int64_t most = is_long ? kSpreadUs : std::min(kSpreadUs, limit.period_ms * 1000 / 8);
  return after(now, us + most * random.of_1024() / 1024);
}

}  // namespace rategate
