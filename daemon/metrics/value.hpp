// What a metric is read as.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>

namespace rategate {

// Nothing: not known yet.
using Value = std::variant<std::monostate, std::int64_t, std::string>;

std::string to_text(const Value&);  // "" where it is nothing

template <class T>
Value value_of(const T& value) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<std::int64_t>(value);
  } else if constexpr (std::is_enum_v<T>) {
    return std::string(to_text(value));
  } else {
    return std::string(value);
  }
}

template <class T>
Value value_of(const std::optional<T>& value) {
  return value ? value_of(*value) : Value();
}

}  // namespace rategate
