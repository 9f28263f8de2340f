#include "daemon/base/decimal.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace rategate {
namespace {

// "00" to "99".
constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

constexpr std::array<std::uint32_t, 10> kPowersOfTen = {
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

// What one step below does not reach.
constexpr std::uint32_t kBillion = 1'000'000'000;

// Of 1 or more. 1233/4096 is a little more than the decimal digits of a bit.
unsigned digits_of(std::uint32_t value) {
  const unsigned least = static_cast<unsigned>(std::bit_width(value)) * 1233 >> 12;
  return least + (value >= kPowersOfTen[least] ? 1 : 0);
}

void put_pair(char* at, std::uint32_t value) {
  std::memcpy(at, &kPairs[std::size_t{2} * value], 2);
}

// The last four digits of a number of 10,000 or more, which is then that much shorter.
void put_last_four(char* at, std::uint32_t& value) {
  const std::uint32_t four = value % 10'000;
  value /= 10'000;
  put_pair(at, four / 100);
  put_pair(at + 2, four % 100);
}

// Of 1 or more. Four digits a step, from the last, because each division waits for the one before.
char* put_digits(char* at, std::uint32_t value) {
  char* const end = at + digits_of(value);
  char* next = end;
  while (value >= 10'000) put_last_four(next -= 4, value);
  if (value >= 100) {
    put_pair(next - 2, value % 100);
    value /= 100;
  }
  if (value >= 10) {
    put_pair(at, value);
  } else {
    *at = static_cast<char>('0' + value);
  }
  return end;
}

// Below a billion, with zeros before it: nine characters.
char* put_nine(char* at, std::uint32_t value) {
  put_last_four(at + 5, value);
  put_last_four(at + 1, value);
  *at = static_cast<char>('0' + value);
  return at + 9;
}

char* put_unsigned(char* at, std::uint64_t value) {
  if (value <= UINT32_MAX) return put_digits(at, static_cast<std::uint32_t>(value));
  return put_nine(put_unsigned(at, value / kBillion), static_cast<std::uint32_t>(value % kBillion));
}

}  // namespace

char* put_decimal(char* at, std::int64_t value) {
  if (value >= 0 && value < 10) {  // as most are
    *at = static_cast<char>('0' + value);
    return at + 1;
  }
  auto magnitude = static_cast<std::uint64_t>(value);
  if (value < 0) {
    *at++ = '-';
    magnitude = 0 - magnitude;
  }
  return put_unsigned(at, magnitude);
}

}  // namespace rategate
