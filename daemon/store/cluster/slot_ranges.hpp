// A set of a cluster's slots, as ranges in order of which none touches the next. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rategate {

struct SlotRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  // inclusive
  bool operator==(const SlotRange&) const = default;
};

using SlotRanges = std::vector<SlotRange>;

// Makes a set of ranges that come in any order. False where a slot is in two of them.
bool put_in_order(SlotRanges& ranges);
std::size_t slot_count(const SlotRanges& slots);
// Those that are in both.
SlotRanges common_slots(const SlotRanges& one, const SlotRanges& other);

}  // namespace rategate
