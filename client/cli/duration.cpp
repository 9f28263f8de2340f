#include "client/cli/duration.hpp"

#include <charconv>
#include <system_error>

namespace rategate::cli {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr Unit kUnits[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"min", 60'000}, {"h", 3600'000}, {"d", 86'400'000},
};
constexpr std::int64_t kLongestMs = 1000LL * 86'400'000;

}  // namespace

std::optional<std::int64_t> parse_duration_ms(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  if (unit.empty() && number == 0) return 0;
  for (const Unit& known : kUnits) {
    if (unit == known.name && number <= kLongestMs / known.ms) return number * known.ms;
  }
  return std::nullopt;
}

}  // namespace rategate::cli
