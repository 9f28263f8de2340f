// The algorithm that counts how many are at work at the same time: docs/concurrency.md. Its limits
// have a number of slots for `permits`, and the time to live of a hold for `period_ms`. No check is
// decided by it: who wants a slot enters, and leaves again.
#pragma once

#include <cstdint>

#include "daemon/limit/algorithm.hpp"

namespace rategate {

inline constexpr std::int64_t kMinHoldTtlMs = 1000;
inline constexpr std::int64_t kMaxHoldTtlMs = 3'600'000;
inline constexpr std::int64_t kHoldTtlMs = 10'000;  // unless it is said

extern const Algorithm kConcurrency;

}  // namespace rategate
