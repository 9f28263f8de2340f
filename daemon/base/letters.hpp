// Kinds of characters, without a locale. Pure.
#pragma once

namespace rategate {

constexpr bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

}  // namespace rategate
