// Records by number: they stay where they are, and numbers are used again. Grows by chunks, and
// keeps what it has grown to. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "daemon/base/id.hpp"

namespace rategate {

template <class Record, class Name = Id<Record>>
class Slab {
 public:
  // A record, as new.
  Name take() {
    if (free_.empty()) {
      if (size_ % kChunk == 0) chunks_.push_back(std::make_unique<std::array<Record, kChunk>>());
      return {size_++};
    }
    const Name at = free_.back();
    free_.pop_back();
    return at;
  }
  void give_back(Name at) {
    (*this)[at] = Record{};
    free_.push_back(at);
  }

  Record& operator[](Name at) { return (*chunks_[at.value / kChunk])[at.value % kChunk]; }
  const Record& operator[](Name at) const {
    return (*chunks_[at.value / kChunk])[at.value % kChunk];
  }
  // Numbers there are, free ones included.
  std::uint32_t size() const { return size_; }
  bool contains(Name at) const { return at.value < size_; }

 private:
  // Few, because a daemon of one limit has a chunk of each kind, and all of it is touched.
  static constexpr std::uint32_t kChunk = 64;

  std::vector<std::unique_ptr<std::array<Record, kChunk>>> chunks_;
  std::vector<Name> free_;
  std::uint32_t size_ = 0;
};

}  // namespace rategate
