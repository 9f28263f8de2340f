// A segment's memory for tests of the daemon's side.
#pragma once

#include <vector>

#include "shm/layout.h"

namespace rategate {

class SegmentMemory {
 public:
  explicit SegmentMemory(std::uint32_t slots) : lines_(rg_shm_bytes(slots) / sizeof(Line)) {}
  void* get() { return lines_.data(); }

 private:
  struct alignas(64) Line {
    unsigned char bytes[64] = {};
  };
  std::vector<Line> lines_;
};

}  // namespace rategate
