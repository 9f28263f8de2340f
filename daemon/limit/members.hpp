// What a check has to keep, where that is more than one limit: docs/combined.md. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/limit/limit_use.hpp"

namespace rategate {

// One of the limits of a combined check.
struct Member {
  LimitUsePtr limit;
  std::string key;         // as it is counted
  std::int64_t cost = 1;   // 1 to kMaxPermits
  std::size_t listed = 0;  // the place of that which it is part of in the caller's list
};
using Members = std::vector<Member>;
inline constexpr std::size_t kMostMembers = 8;

// Appends what a check of the limit for that key, as it was given, has to keep: the limit itself,
// or its windows and those of the limits above it. Null; or the limit which has no such keys.
const Limit* add_members(const LimitUsePtr& limit, std::string_view given_key, std::int64_t cost,
                         std::size_t listed, Members& into);

}  // namespace rategate
