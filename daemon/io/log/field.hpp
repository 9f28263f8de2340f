// A named value in a line of the log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace rategate {

// A named value of an event. Names are lower case words joined by "_"; in the journal "store"
// becomes RATEGATE_STORE. Views: valid until the call returns.
struct Field {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, bool> value;

  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  template <class Integer>
    requires std::is_integral_v<Integer>
  Field(std::string_view n, Integer v) : name(n), value(static_cast<std::int64_t>(v)) {}
};

}  // namespace rategate
