// Records by number: they stay where they are, and numbers are used again. Grows by chunks, and
// keeps what it has grown to. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace rategate {

template <class Record>
class Slab {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // A record, as new.
  std::uint32_t take() {
    if (free_.empty()) {
      if (size_ % kChunk == 0) chunks_.push_back(std::make_unique<std::array<Record, kChunk>>());
      return size_++;
    }
    const std::uint32_t at = free_.back();
    free_.pop_back();
    return at;
  }
  void give_back(std::uint32_t at) {
    (*this)[at] = Record{};
    free_.push_back(at);
  }

  Record& operator[](std::uint32_t at) { return (*chunks_[at / kChunk])[at % kChunk]; }
  const Record& operator[](std::uint32_t at) const { return (*chunks_[at / kChunk])[at % kChunk]; }
  // Numbers there are, free ones included.
  std::uint32_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kChunk = 256;

  std::vector<std::unique_ptr<std::array<Record, kChunk>>> chunks_;
  std::vector<std::uint32_t> free_;
  std::uint32_t size_ = 0;
};

}  // namespace rategate
