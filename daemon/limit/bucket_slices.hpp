// In which slices of time the permits of a token bucket are leased: docs/algorithms.md, "Leases of
// a bucket", has why they are as long as that. A lease ends with a slice, so that all leases of one
// moment end together; it begins when it is reserved. Pure.
#pragma once

#include <cstdint>

#include "daemon/base/time.hpp"

namespace rategate {

inline constexpr std::int64_t kLongestSliceMs = 250;

struct BucketSlices {
  std::int64_t slice_ms = 0;  // its ends are whole multiples of that since 1970; 0: there are none
  std::int64_t least_ms = 0;  // a lease lives at least so long, and up to a slice more
  bool none() const { return slice_ms == 0; }
  bool operator==(const BucketSlices&) const = default;
};

// Of a bucket that takes so long to fill.
BucketSlices slices_of(std::int64_t fill_us);
// When a lease ends that is reserved now, in ms since 1970.
// For so long a lease is good at most, in ms.
constexpr std::int64_t longest_lease_ms(const BucketSlices& slices) {
  return slices.slice_ms + slices.least_ms;
}
std::int64_t lease_ends_ms(const BucketSlices& slices, StoreTime now);
// The slice that ends then: it tells two leases of a bucket apart.
Window slice_ending(const BucketSlices& slices, std::int64_t ends_ms);
// How long a bucket that had nothing left is not asked for: what flows in meanwhile stays in it.
std::int64_t pause_us(const BucketSlices& slices, std::int64_t fill_us);
// So few permits are as good as none to a host that has spent of the bucket for a while: an eighth
// of what flows in during a pause. It would be asked again and again for each that flows in.
std::int64_t next_to_nothing(const BucketSlices& slices, std::int64_t fill_us, std::int64_t burst);

}  // namespace rategate
