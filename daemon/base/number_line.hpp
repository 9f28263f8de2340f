// The line of the Redis protocol that most of an answer and of a call to the store is made of: a
// type byte, a number, CRLF. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "daemon/base/decimal.hpp"

namespace rategate {

constexpr std::size_t kNumberLine = 1 + kMostDecimal + 2;

// Writes it to `at`, where kNumberLine bytes have to be. Answers its end.
inline char* put_number_line(char* at, char type, std::int64_t value) {
  *at++ = type;
  at = put_decimal(at, value);
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

}  // namespace rategate
