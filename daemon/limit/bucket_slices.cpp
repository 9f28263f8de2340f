#include "daemon/limit/bucket_slices.hpp"

#include <algorithm>

namespace rategate {
namespace {
constexpr std::int64_t kSlicesInFill = 16;
constexpr std::int64_t kShortestMs = 10;
constexpr std::int64_t kPausesInFill = 8;
constexpr std::int64_t kNothingInPause = 8;
}  // namespace

BucketSlices slices_of(std::int64_t fill_us) {
  const std::int64_t slice_ms =
      std::clamp(fill_us / kSlicesInFill / 1000, kShortestMs, kLongestSliceMs);
  return {slice_ms, (slice_ms + 3) / 4};
}

std::int64_t lease_ends_ms(const BucketSlices& slices, StoreTime now) {
  return ((now.us / 1000 + slices.least_ms) / slices.slice_ms + 1) * slices.slice_ms;
}

Window slice_ending(const BucketSlices& slices, std::int64_t ends_ms) {
  return {ends_ms - slices.slice_ms, ends_ms};
}

std::int64_t pause_us(const BucketSlices& slices, std::int64_t fill_us) {
  return std::min(slices.slice_ms * 1000 / 4, fill_us / kPausesInFill);
}

std::int64_t next_to_nothing(const BucketSlices& slices, std::int64_t fill_us, std::int64_t burst) {
  return burst * (pause_us(slices, fill_us) / kNothingInPause) / fill_us;
}

}  // namespace rategate
