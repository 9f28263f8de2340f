// The [limits] of a configuration.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/config/document.hpp"

namespace rategate {

struct PlacedLimit {
  Limit limit;
  Fault place;  // where it is named; its text is empty
};
using PlacedLimits = std::map<std::string, PlacedLimit, std::less<>>;

// Adds what one [limits] table says. A limit that is already there is a fault that names both
// places.
void add_limits(const Value& table, std::string_view path, PlacedLimits&, std::vector<Fault>&);

// Adds NAME=RATE, as from --limit; of a limit that is there it changes the rate alone.
// Error: what was expected.
std::optional<Error> add_limit_option(std::string_view text, PlacedLimits&);

}  // namespace rategate
