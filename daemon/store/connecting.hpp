// What ways to a server have in common while they are made, whoever is at their other end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rategate {

// A connection that lasts no longer than this was no good: it is not made anew at once.
inline constexpr std::int64_t kGoodAfterUs = 1'000'000;

// Why one was given up that was not made in time; `awaits`: what it waited for, or nothing.
inline std::string not_connected_in_time(std::string_view awaits) {
  return "cannot connect in time" + (awaits.empty() ? "" : ": " + std::string(awaits));
}

}  // namespace rategate
