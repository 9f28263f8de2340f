// How much memory the connections' buffers may take together. Nobody is cut off for it: as it
// fills, everybody reads in smaller pieces and keeps less that is not yet written, so that a
// thousand clients that never read cost little more than one.
#pragma once

#include <cstddef>

namespace rategate {

class OutputBudget {
 public:
  void change(std::size_t before, std::size_t now) { used_ += now - before; }
  std::size_t used() const { return used_; }

  std::size_t read_size() const { return step(64 * 1024, 4096, 1024); }
  std::size_t high_water() const { return step(64 * 1024, 4096, 1024); }
  // What an empty buffer may keep for the next answers. Clients that have read all and ask for
  // nothing take no room from the others, however many they are.
  std::size_t keep_size() const { return step(4096, 0, 0); }
  std::size_t max_pending(std::size_t configured) const {
    return used_ < kTight ? configured : configured < 16 ? configured : 16;
  }
  // Large answers are refused then.
  bool full() const { return used_ >= kFull; }

 private:
  static constexpr std::size_t kRoomy = 3U << 20;
  static constexpr std::size_t kTight = 6U << 20;
  static constexpr std::size_t kFull = 8U << 20;

  std::size_t step(std::size_t roomy, std::size_t tight, std::size_t full) const {
    return used_ < kRoomy ? roomy : used_ < kTight ? tight : full;
  }

  std::size_t used_ = 0;
};

}  // namespace rategate
