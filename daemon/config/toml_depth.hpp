// How deep a TOML text nests its keys, told before it is parsed: the TOML library, and whoever
// walks what it makes, goes one call deeper for each part of a dotted key, and has a stack of some
// thousand. Values nest no deeper than 256, which the library sees to, so that a bound for each
// line is one for the text.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace rategate {

// No setting has more than three; names with dots stand in quotes.
inline constexpr int kMostDots = 8;

// Where a line has more dots than that, outside of strings and comments: the place of the first dot
// too many. Nothing: there is none.
std::optional<std::size_t> find_too_deep(std::string_view text);

}  // namespace rategate
