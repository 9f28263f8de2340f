// Finds a counter's number by a hash of its limit and key: open addressing, with the hash beside
// the number, so that a counter is looked at only where it is nearly surely the one. What is equal
// is for the caller to say; that hashes cannot be chosen from outside, too. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/core/ids.hpp"

namespace rategate {

class CounterIndex {
 public:
  // The counter of that hash of which `is_it(id)`, or none.
  template <class IsIt>
  CounterId find(std::uint32_t hash, IsIt is_it) const {
    for (std::size_t at = hash & mask(); !cells_[at].id.is_none(); at = (at + 1) & mask()) {
      if (cells_[at].hash == hash && is_it(cells_[at].id)) return cells_[at].id;
    }
    return {};
  }
  // It is not there yet.
  void insert(std::uint32_t hash, CounterId id);
  // It is there.
  void erase(std::uint32_t hash, CounterId id);
  std::size_t size() const { return size_; }

 private:
  struct Cell {
    std::uint32_t hash = 0;
    CounterId id;  // none: the cell is free
  };
  std::size_t mask() const { return cells_.size() - 1; }
  void put(Cell cell);

  std::vector<Cell> cells_ = std::vector<Cell>(16);  // a power of two, never full
  std::size_t size_ = 0;
};

}  // namespace rategate
