#include "daemon/store/cluster/slot_ranges.hpp"

#include <algorithm>
#include <utility>

namespace rategate {

bool put_in_order(SlotRanges& ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const SlotRange& a, const SlotRange& b) { return a.first < b.first; });
  SlotRanges joined;
  for (const SlotRange& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last) return false;
    if (!joined.empty() && range.first == joined.back().last + 1) {
      joined.back().last = range.last;
    } else {
      joined.push_back(range);
    }
  }
  ranges = std::move(joined);
  return true;
}

std::size_t slot_count(const SlotRanges& slots) {
  std::size_t count = 0;
  for (const SlotRange& range : slots) count += std::size_t{1} + range.last - range.first;
  return count;
}

// Each range is looked at once, however many there are.
SlotRanges common_slots(const SlotRanges& one, const SlotRanges& other) {
  SlotRanges common;
  auto mine = one.begin();
  auto theirs = other.begin();
  while (mine != one.end() && theirs != other.end()) {
    const std::uint16_t first = std::max(mine->first, theirs->first);
    const std::uint16_t last = std::min(mine->last, theirs->last);
    if (first <= last) common.push_back({first, last});
    if (mine->last < theirs->last) {
      ++mine;
    } else {
      ++theirs;
    }
  }
  return common;
}

}  // namespace rategate
