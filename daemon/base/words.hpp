// The words by which people write and read the values of an enum: one table for each enum, from
// which both ways come, and the text that offers the words.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "daemon/base/result.hpp"

namespace rategate {

template <class Enum>
struct Word {
  Enum value;
  std::string_view text;
};
template <class Enum>
Word(Enum, std::string_view) -> Word<Enum>;

// Specialised beside an enum: a row for each of its values, in the order in which they are offered.
template <class Enum>
inline constexpr std::array<Word<Enum>, 0> kWords{};

template <class Enum>
concept HasWords = std::is_enum_v<Enum> && !kWords<Enum>.empty();

template <HasWords Enum>
constexpr std::string_view to_text(Enum value) {
  for (const Word<Enum>& word : kWords<Enum>) {
    if (word.value == value) return word.text;
  }
  return {};
}

// The words alone.
template <HasWords Enum>
inline constexpr auto kTexts = [] {
  std::array<std::string_view, kWords<Enum>.size()> texts{};
  std::transform(kWords<Enum>.begin(), kWords<Enum>.end(), texts.begin(),
                 [](const Word<Enum>& word) { return word.text; });
  return texts;
}();

// "deny, allow or error", each word between two quotes if so wished.
std::string one_of(std::span<const std::string_view> texts, std::string_view quote = "");

// Error: which words are expected.
template <HasWords Enum>
Result<Enum> parse_word(std::string_view text) {
  for (const Word<Enum>& word : kWords<Enum>) {
    if (word.text == text) return word.value;
  }
  return Error{"expected " + one_of(kTexts<Enum>)};
}

}  // namespace rategate
