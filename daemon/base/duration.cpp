#include "daemon/base/duration.hpp"

#include <array>
#include <charconv>

namespace rategate {
namespace {

struct Unit {
  std::string_view text;
  std::int64_t ms;
};
constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

// What is read. The first spelling of each length is also what is written.
constexpr std::array kUnits{
    Unit{"d", kDay},        Unit{"h", kHour},        Unit{"m", kMinute},
    Unit{"s", kSecond},     Unit{"ms", 1},           Unit{"day", kDay},
    Unit{"days", kDay},     Unit{"hour", kHour},     Unit{"hours", kHour},
    Unit{"min", kMinute},   Unit{"minute", kMinute}, Unit{"minutes", kMinute},
    Unit{"sec", kSecond},   Unit{"second", kSecond}, Unit{"seconds", kSecond},
    Unit{"millisecond", 1}, Unit{"milliseconds", 1},
};
constexpr std::size_t kWrittenUnits = 5;

const Unit* find_unit(std::string_view text) {
  for (const Unit& unit : kUnits) {
    if (unit.text == text) return &unit;
  }
  return nullptr;
}

constexpr const char* kExpected =
    "expected a whole number and a unit (ms, s, min, h, d), such as 250ms or 1s";

}  // namespace

Result<std::int64_t> parse_whole(std::string_view text, std::int64_t min, std::int64_t max) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (text.empty() || failure != std::errc() || stop != end || value < min || value > max) {
    return Error{"expected a whole number from " + std::to_string(min) + " to " +
                 std::to_string(max)};
  }
  return value;
}

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const Unit* unit = find_unit(text.substr(digits));
  if (unit == nullptr) return Error{kExpected};
  if (digits == 0) return unit->ms;
  const auto count = parse_whole(text.substr(0, digits), 0, INT64_MAX / unit->ms);
  if (!count) return Error{kExpected};
  return *count * unit->ms;
}

std::string format_duration(std::int64_t ms) {
  if (ms == 0) return "0s";
  for (std::size_t i = 0; i < kWrittenUnits; ++i) {
    if (ms % kUnits[i].ms == 0) {
      return std::to_string(ms / kUnits[i].ms) + std::string(kUnits[i].text);
    }
  }
  return {};  // not reached: ms divides all
}

}  // namespace rategate
