// Which line is asked of the store next: round robin over the clients that wait, and of one
// client's lines the one that came first. So whoever asks for ten thousand keys waits for them by
// itself, and who asks for one is served in the next call.
//
// A turn is one line where the way to the store is slow. Where it is not, a turn is some more:
// checks that a client has sent together are answered together, and its answers need fewer writes.
//
// Clients are told apart by their flow, in 256 buckets under a seed: two of them may share one.
// A line is in the queue once. All operations take constant time. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "daemon/base/slab.hpp"
#include "daemon/core/line.hpp"

namespace rategate {

class LineQueue {
 public:
  using Lines = Slab<Line>;

  explicit LineQueue(std::uint64_t seed) : seed_(seed | 1) {}

  // The line is not queued.
  void push(Lines& lines, LineId line, std::uint32_t flow);
  // The line is queued.
  void remove(Lines& lines, LineId line);

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // So many lines may be taken until each client has had its turn again; a turn is one line at
  // least.
  void set_round(std::size_t lines) { round_ = lines; }
  // The line whose turn it is. Not when empty.
  LineId front() const { return buckets_[first_].first; }
  // It is taken out, and where that ends the client's turn, the next one has it.
  LineId pop(Lines& lines);
  // Flows of one bucket take turns as one.
  std::uint16_t bucket_of(std::uint32_t flow) const {
    // Fibonacci hashing (Knuth, TAOCP 6.4): the upper byte of a product with the seed.
    return static_cast<std::uint16_t>((flow + 1) * seed_ * 0x9e3779b97f4a7c15U >> 56);
  }

 private:
  static constexpr std::size_t kBuckets = 256;
  static constexpr std::size_t kLongestTurn = 16;
  static constexpr std::uint16_t kNone = UINT16_MAX;
  struct Bucket {
    LineId first, last;
    std::uint16_t before = kNone, behind = kNone;  // among the buckets that have lines
  };

  void enlist(std::uint16_t bucket);
  void delist(std::uint16_t bucket);
  std::size_t turn() const;

  std::uint64_t seed_;
  std::array<Bucket, kBuckets> buckets_{};
  std::uint16_t first_ = kNone, last_ = kNone;  // of the buckets that have lines
  std::size_t size_ = 0;
  std::size_t waiting_ = 0;  // buckets that have lines
  std::size_t round_ = 0;    // lines in all turns of a round
  std::size_t taken_ = 0;    // lines of the turn that is under way
};

}  // namespace rategate
