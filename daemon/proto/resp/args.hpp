#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rategate {

// The words of a request. One object serves any number of requests, one after another.
struct Args {
  // Into the bytes that were parsed, or into `scratch`: good until either changes.
  std::vector<std::string_view> words;
  // The bytes of inline words that were written with quotes.
  std::string scratch;

  std::size_t size() const { return words.size(); }
  std::string_view operator[](std::size_t i) const { return words[i]; }
};

}  // namespace rategate
