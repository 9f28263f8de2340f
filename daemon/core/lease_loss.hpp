// How much of what a host has leased of a bucket came to its end unspent: docs/algorithms.md,
// "Leases of a bucket". Demand that comes in batches is idle while its leases end, so that leasing
// for it would drain the bucket; such a host asks for what it needs when it needs it. Pure.
#pragma once

#include <cstdint>

#include "daemon/base/time.hpp"

namespace rategate {

class LeaseLoss {
 public:
  // Slices are over, of which so many permits were leased, and so many of those lost.
  void over(std::int64_t leased, std::int64_t lost, Mono now, std::int64_t slice_ms) {
    if (leased == 0 && lost == 0) return;
    leased_ += leased;
    lost_ += lost;
    if (lost_ > kSome && lost_ > leased_ / kMostLost) {
      tries_again_ = after(now, kSlicesWithout * slice_ms * 1000);
      leased_ = lost_ = 0;
    } else if (leased_ > kEnough * kMostLost) {
      leased_ -= leased_ / kSlicesKept;
      lost_ -= lost_ / kSlicesKept;
    }
  }
  bool leases(Mono now) const { return now >= tries_again_; }

 private:
  static constexpr std::int64_t kMostLost = 8;  // a part of that
  static constexpr std::int64_t kSome = 4;
  static constexpr std::int64_t kEnough = 64;
  // What was before so many slices counts for a third: a busy host that stops loses a slice of
  // them.
  static constexpr std::int64_t kSlicesKept = 32;
  static constexpr std::int64_t kSlicesWithout = 64;

  std::int64_t leased_ = 0;
  std::int64_t lost_ = 0;
  Mono tries_again_{INT64_MIN};
};

}  // namespace rategate
