#include "daemon/core/counter_index.hpp"

namespace rategate {

void CounterIndex::put(Cell cell) {
  std::size_t at = cell.hash & mask();
  while (!cells_[at].id.is_none()) at = (at + 1) & mask();
  cells_[at] = cell;
}

void CounterIndex::insert(std::uint32_t hash, CounterId id) {
  // Four fifths full at most.
  if ((size_ + 1) * 5 > cells_.size() * 4) {
    std::vector<Cell> old(cells_.size() * 2);
    old.swap(cells_);
    for (const Cell& cell : old) {
      if (!cell.id.is_none()) put(cell);
    }
  }
  put({hash, id});
  ++size_;
}

void CounterIndex::erase(std::uint32_t hash, CounterId id) {
  std::size_t at = hash & mask();
  while (cells_[at].id != id) at = (at + 1) & mask();
  // Those behind move up where that brings them no further forward than where they belong, so that
  // no search ends at a gap.
  for (std::size_t next = (at + 1) & mask(); !cells_[next].id.is_none();
       next = (next + 1) & mask()) {
    const std::size_t home = cells_[next].hash & mask();
    if (((next - home) & mask()) < ((next - at) & mask())) continue;
    cells_[at] = cells_[next];
    at = next;
  }
  cells_[at] = Cell{};
  --size_;
}

}  // namespace rategate
