// Kinds of characters, without a locale. Pure.
#pragma once

#include <array>
#include <cstddef>

namespace rategate {

constexpr bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// For each byte whether it is of that kind: for what is asked in each check.
template <class IsKind>
constexpr std::array<bool, 256> table_of(IsKind is_kind) {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = is_kind(static_cast<char>(byte));
  }
  return table;
}

}  // namespace rategate
