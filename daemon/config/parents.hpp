// Limits above others.
#pragma once

#include <vector>

#include "daemon/config/limits.hpp"

namespace rategate {

// A parent is a limit of the configuration, no limit is above itself, and a check has to keep no
// more than kMostMembers windows in all, of no more than kMostParents limits above its own.
inline constexpr std::size_t kMostParents = 3;
void check_parents(const PlacedLimits&, std::vector<Fault>&);

}  // namespace rategate
