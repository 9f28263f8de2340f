#include "daemon/base/nearest.hpp"

#include <array>
#include <utility>

namespace rategate {
namespace {

constexpr std::size_t kMaxWord = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

// Optimal string alignment (Damerau-Levenshtein without edits inside a swap), in three rows, with
// only the cells that can stay within `most` of the diagonal looked at (Ukkonen's band).
std::optional<std::size_t> edit_distance(std::string_view a, std::string_view b, std::size_t most) {
  if (a.size() > kMaxWord || b.size() > kMaxWord) return std::nullopt;
  const std::size_t apart = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (apart > most) return std::nullopt;

  const std::size_t far = most + 1;
  using Row = std::array<std::size_t, kMaxWord + 1>;
  Row before{}, last{}, row{};
  before.fill(far);
  row.fill(far);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  std::size_t least_of_last = 0;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    const std::size_t first = i > most ? i - most : 1;
    const std::size_t end = std::min(b.size(), i + most);
    row[first - 1] = first == 1 ? i : far;
    std::size_t least = row[first - 1];
    for (std::size_t j = first; j <= end; ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      std::size_t best = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        best = std::min(best, before[j - 2] + 1);
      }
      row[j] = std::min(best, far);
      least = std::min(least, row[j]);
    }
    // Each row is made of the two before it.
    if (least > most && least_of_last > most) return std::nullopt;
    least_of_last = least;
    if (end < b.size()) row[end + 1] = far;  // the next row looks one cell further
    before = last;
    last = row;
  }
  return last[b.size()] <= most ? std::optional(last[b.size()]) : std::nullopt;
}

}  // namespace rategate
