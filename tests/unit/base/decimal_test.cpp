#include "daemon/base/decimal.hpp"

#include <array>
#include <charconv>
#include <string>

#include "tests/unit/catch.hpp"

using rategate::kMostDecimal;
using rategate::put_decimal;

namespace {

std::string by_us(std::int64_t value) {
  std::array<char, kMostDecimal> digits{};
  return {digits.data(), put_decimal(digits.data(), value)};
}

std::string by_the_library(std::int64_t value) {
  std::array<char, kMostDecimal> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

void same(std::int64_t value) {
  INFO(value);
  REQUIRE(by_us(value) == by_the_library(value));
}

}  // namespace

TEST_CASE("a number is written as the standard library writes it") {
  for (std::int64_t value = -20'100; value <= 20'100; ++value) same(value);
  same(INT64_MAX);
  same(INT64_MIN);
  same(INT64_MIN + 1);
}

TEST_CASE("a number is written rightly around each power of two and of ten") {
  for (int bit = 0; bit < 63; ++bit) {
    const std::int64_t power = std::int64_t{1} << bit;
    for (const std::int64_t near : {power - 1, power, power + 1}) {
      same(near);
      same(-near);
    }
  }
  std::int64_t power = 1;
  for (int digits = 0; digits < 18; ++digits) {
    power *= 10;
    for (std::int64_t near = power - 2; near <= power + 2; ++near) {
      same(near);
      same(-near);
      same(9 * near);
    }
  }
}
