// A key as it is kept for each counter, of which there may be very many: up to 15 bytes in place,
// longer ones in a block of their own size.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace rategate {

class CompactKey {
 public:
  CompactKey() = default;
  // At most kMaxKeyBytes.
  explicit CompactKey(std::string_view key) {
    if (key.size() <= kInPlace) {
      std::copy(key.begin(), key.end(), bytes_.begin());
      size_ = static_cast<std::uint8_t>(key.size());
      return;
    }
    auto block = std::make_unique<char[]>(key.size());
    std::copy(key.begin(), key.end(), block.get());
    const Block outside{block.release(), static_cast<std::uint32_t>(key.size())};
    std::memcpy(bytes_.data(), static_cast<const void*>(&outside.bytes), sizeof outside.bytes);
    std::memcpy(bytes_.data() + sizeof outside.bytes, &outside.size, sizeof outside.size);
    size_ = kOutside;
  }
  CompactKey(CompactKey&& other) noexcept
      : bytes_(other.bytes_), size_(std::exchange(other.size_, std::uint8_t{0})) {}
  CompactKey& operator=(CompactKey&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~CompactKey() {
    if (size_ == kOutside) const std::unique_ptr<char[]> block(outside().bytes);
  }

  // Good as long as the key stays where it is.
  std::string_view view() const {
    if (size_ != kOutside) return {bytes_.data(), size_};
    const Block block = outside();
    return {block.bytes, block.size};
  }

 private:
  static constexpr std::size_t kInPlace = 15;
  static constexpr std::uint8_t kOutside = 255;
  struct Block {
    char* bytes;
    std::uint32_t size;
  };
  Block outside() const {
    Block block{};
    std::memcpy(static_cast<void*>(&block.bytes), bytes_.data(), sizeof block.bytes);
    std::memcpy(&block.size, bytes_.data() + sizeof block.bytes, sizeof block.size);
    return block;
  }

  // The key, or where it is: a pointer and a size, by memcpy, as they are not aligned here.
  std::array<char, kInPlace> bytes_{};
  std::uint8_t size_ = 0;
};
static_assert(sizeof(CompactKey) == 16);

}  // namespace rategate
