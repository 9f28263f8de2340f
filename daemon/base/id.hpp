// A number that names one thing of a kind, and cannot be taken for the number of another kind.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace rategate {

template <class Of, class Number = std::uint32_t>
struct Id {
  static constexpr Number kNone = std::numeric_limits<Number>::max();

  Number value = kNone;

  bool is_none() const { return value == kNone; }
  auto operator<=>(const Id&) const = default;
};

}  // namespace rategate
