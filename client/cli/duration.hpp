// Durations as people write them on the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace rategate::cli {

// A whole number and a unit (ms, s, m or min, h, d), nothing between them, in milliseconds; a bare
// 0 needs no unit. Nothing when it is not one, or is longer than 1000 days.
std::optional<std::int64_t> parse_duration_ms(std::string_view text);

}  // namespace rategate::cli
