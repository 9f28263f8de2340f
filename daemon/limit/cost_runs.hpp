// Checks in a row, by their costs. Nearly always they all cost the same: one run lies in place, and
// takes no memory of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace rategate {

// `count` checks in a row, each of `cost` permits.
struct CostRun {
  std::int64_t cost = 1;
  std::int64_t count = 1;
};

class CostRuns {
 public:
  CostRuns() = default;
  CostRuns(std::initializer_list<CostRun> runs) {
    for (const CostRun& run : runs) push_back(run);
  }

  void push_back(const CostRun& run) {
    if (size_ == 0) one_ = run;
    if (size_ == 1) many_.assign(1, one_);
    if (size_ >= 1) many_.push_back(run);
    ++size_;
  }
  void clear() {
    size_ = 0;
    many_.clear();
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const CostRun* begin() const { return size_ > 1 ? many_.data() : &one_; }
  const CostRun* end() const { return begin() + size_; }
  CostRun* begin() { return size_ > 1 ? many_.data() : &one_; }
  CostRun* end() { return begin() + size_; }
  const CostRun& operator[](std::size_t at) const { return begin()[at]; }
  CostRun& operator[](std::size_t at) { return begin()[at]; }
  const CostRun& front() const { return *begin(); }
  CostRun& back() { return begin()[size_ - 1]; }
  const CostRun& back() const { return begin()[size_ - 1]; }

 private:
  CostRun one_;
  std::vector<CostRun> many_;  // all of them, where there are two or more
  std::size_t size_ = 0;
};

}  // namespace rategate
