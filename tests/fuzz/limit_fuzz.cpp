// The texts of a limit: rates, durations, and the templates of counter names. What is read and
// written again is the same, and two subjects never share a counter. Lines of the input: a text,
// then name, key, name, key.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/base/duration.hpp"
#include "daemon/limit/counter_names.hpp"
#include "daemon/limit/limit.hpp"
#include "tests/fuzz/require.hpp"

namespace rategate::fuzz {
namespace {

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

void check_numbers(std::string_view text) {
  if (const auto ms = parse_duration_ms(text)) {
    const auto again = parse_duration_ms(format_duration(*ms));
    require(*ms >= 0, "a duration is not negative");
    require(again && *again == *ms, "a duration is what it was");
  } else {
    require(is_printable(ms.error()) && !ms.error().empty(), "an error is printable");
  }
  if (const auto period = parse_period_ms(text)) {
    require(*period >= kMinPeriodMs && *period <= kMaxPeriodMs, "a period is in its range");
  }
  if (const auto permits = parse_permits(text)) {
    require(*permits >= 1 && *permits <= kMaxPermits, "permits are in their range");
  }
  if (const auto rate = parse_rate(text)) {
    const auto again = parse_rate(format_rate(*rate));
    require(again && again->permits == rate->permits && again->period_ms == rate->period_ms,
            "a rate is what it was");
  } else {
    require(is_printable(rate.error()) && !rate.error().empty(), "an error is printable");
  }
  if (const auto mode = parse_word<Mode>(text))
    require(to_text(*mode) == text, "a mode is its text");
  if (const auto policy = parse_word<OnStoreDown>(text)) {
    require(to_text(*policy) == text, "a policy is its text");
  }
}

bool has_placeholder(std::string_view text, char kind) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != '%') continue;
    if (text[++i] == kind) return true;
  }
  return false;
}

void check_template(std::string_view text, std::string_view rest) {
  const auto parsed = KeyTemplate::parse(text);
  if (!parsed) {
    require(is_printable(parsed.error()) && !parsed.error().empty(), "an error is printable");
    return;
  }
  require(parsed->text() == text, "a template is its text");
  require(parsed->has_key() == has_placeholder(text, 'k'), "a template knows its key");
  const std::string_view name_a = next_line(rest);
  const std::string_view key_a = next_line(rest);
  const std::string_view name_b = next_line(rest);
  const std::string_view key_b = next_line(rest);
  const bool differ =
      (name_a != name_b && has_placeholder(text, 'n')) || (key_a != key_b && parsed->has_key());
  const std::string a = CounterNames(*parsed, name_a, 1000).of(key_a, 1700000000000);
  const std::string b = CounterNames(*parsed, name_b, 1000).of(key_b, 1700000000000);
  require((a != b) == differ, "two subjects have two counters");
  const std::string later = CounterNames(*parsed, name_a, 1000).of(key_a, 1700000001000);
  require((a != later) == has_placeholder(text, 'w'), "two windows have two counters");
  require(parsed->has_window() == has_placeholder(text, 'w'), "a template knows its window");
}

}  // namespace
}  // namespace rategate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rategate::fuzz;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view text = next_line(rest);
  check_numbers(text);
  check_template(text, rest);
  return 0;
}
