// A value or the reason there is none. C++20 has no std::expected, so this is the little of it
// that is needed here: errors are values, and text for a person.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace rategate {

struct Error {
  std::string text;  // lower case, no full stop: it is put into a longer sentence
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const std::string& error() const { return std::get<1>(state_).text; }

 private:
  std::variant<T, Error> state_;
};

}  // namespace rategate
