// Durations as people write them ("250ms", "1s", "5min"), and the one canonical form of a period
// that stands in counter names. Pure: text to number and back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/base/result.hpp"

namespace rategate {

// A whole number and a unit, nothing between them, in milliseconds: "250ms", "1s", "2min".
// Units: ms, s (sec, second), m (min, minute), h (hour), d (day), each also in the plural. A unit
// alone means one of it ("second"). Zero is a duration ("0s"). Error: what was expected.
Result<std::int64_t> parse_duration_ms(std::string_view text);

// The canonical form: the largest unit of d, h, m, s, ms that divides it. 1000 is "1s", 90000 is
// "90s", 60000 is "1m", 0 is "0s".
std::string format_duration(std::int64_t ms);

// A whole decimal number within [min, max], nothing else around it.
Result<std::int64_t> parse_whole(std::string_view text, std::int64_t min, std::int64_t max);

}  // namespace rategate
