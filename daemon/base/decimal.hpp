// Numbers as decimal text, into memory that is there: most of the time that an answer or a call to
// the store takes to write goes into its numbers. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rategate {

// The most characters that a number has: those of -2^63.
constexpr std::size_t kMostDecimal = 20;

// Writes the number, as std::to_chars does, to `at`, where kMostDecimal bytes have to be. Answers
// the end of what it wrote.
char* put_decimal(char* at, std::int64_t value);

}  // namespace rategate
