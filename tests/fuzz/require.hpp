// What a fuzz target holds true. A broken promise ends the program, so that libFuzzer keeps the
// input and the replay fails.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace rategate::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

// Printable ASCII: what may stand in a message.
inline bool is_printable(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

}  // namespace rategate::fuzz
