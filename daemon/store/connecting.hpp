// What ways to a server have in common while they are made, whoever is at their other end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rategate {

// How long a way to a server is waited for.
struct WayOptions {
  std::int64_t connect_timeout_us = 1'000'000;
  std::int64_t command_timeout_us = 250'000;  // of an answer
  std::int64_t backoff_min_us = 50'000;
  std::int64_t backoff_max_us = 2'000'000;
  std::uint64_t jitter_seed = 1;  // of the back-off
};

// A connection that lasts no longer than this was no good: it is not made anew at once.
inline constexpr std::int64_t kGoodAfterUs = 1'000'000;

// Why one was given up that was not made in time; `awaits`: what it waited for, or nothing.
inline std::string not_connected_in_time(std::string_view awaits) {
  return "cannot connect in time" + (awaits.empty() ? "" : ": " + std::string(awaits));
}

}  // namespace rategate
