// The nearest valid name to a misspelt one, for "did you mean". Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

namespace rategate {

// How many insertions, deletions, replacements and swaps of neighbours turn one word into the
// other (letters of either case are the same), or nullopt where it is more than `most`.
// Time: O(length x most); nothing is allocated. Words over 64 bytes are near to nothing.
std::optional<std::size_t> edit_distance(std::string_view a, std::string_view b, std::size_t most);

// At most how many edits make two words near: a third of the length, 1 to 3.
inline std::size_t near_enough(std::string_view word) {
  return std::clamp<std::size_t>(word.size() / 3, 1, 3);
}

// The first of the nearest candidates. `candidates` is any range of what converts to a
// string_view; the answer views the candidate, so candidates must be more than temporaries.
template <class Range>
std::optional<std::string_view> nearest(std::string_view word, const Range& candidates) {
  std::optional<std::string_view> best;
  std::size_t most = near_enough(word);
  for (const auto& candidate : candidates) {
    const auto distance = edit_distance(word, candidate, most);
    if (!distance || (best && *distance >= most)) continue;
    best = candidate;
    most = *distance;
    if (most == 0) break;
  }
  return best;
}

}  // namespace rategate
