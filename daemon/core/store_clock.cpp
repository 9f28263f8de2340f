#include "daemon/core/store_clock.hpp"

#include <algorithm>

namespace rategate {
namespace {
constexpr std::int64_t kStampErrorUs = 100;
}  // namespace

std::int64_t StoreClock::error_at(Mono now) const {
  const std::int64_t age = std::max<std::int64_t>(0, now.us - measured_.us);
  // Rounded up; ages of 292 years at 1000 ppm do not overflow.
  return error_us_ + age / 1'000'000 * options_.max_drift_ppm +
         (age % 1'000'000 * options_.max_drift_ppm + 999'999) / 1'000'000;
}

StoreClock::Measured StoreClock::measure(Mono sent, Mono received, StoreTime time) {
  // The middle may be off by half a microsecond, and TIME is cut to whole ones.
  const std::int64_t half = (received.us - sent.us + 1) / 2;
  const std::int64_t offset = time.us - (sent.us + half);
  const std::int64_t error = half + kStampErrorUs + 1;

  bool contradicted = false;
  if (known_) {
    const std::int64_t held = error_at(received);
    const std::int64_t apart = offset > offset_us_ ? offset - offset_us_ : offset_us_ - offset;
    contradicted = apart > held + error;
    if (!contradicted && error > held) return Measured::Kept;
  }
  known_ = true;
  read_at_ = Mono{INT64_MIN};
  measured_ = received;
  offset_us_ = offset;
  error_us_ = error;
  if (!contradicted) return Measured::Taken;
  // Set back by less than the bound, the windows wait for it. By more, going back with it is
  // better than refusing for hours: a primary whose clock steps is outside the promise.
  const StoreTime earliest{received.us + offset - error};
  if (floor_.us > earliest.us + options_.max_error_us) floor_ = earliest;
  return Measured::Contradicted;
}

void StoreClock::forget() {
  known_ = false;
  floor_ = StoreTime{INT64_MIN};
}

std::optional<ClockReading> StoreClock::read(Mono now) const {
  if (!known_) return std::nullopt;
  if (now == read_at_) return reading_;
  const std::int64_t middle = now.us + offset_us_;
  const std::int64_t error = error_at(now);
  floor_ = std::max(floor_, StoreTime{middle - error});
  read_at_ = now;
  reading_ = ClockReading{floor_, std::max(floor_, StoreTime{middle + error})};
  return reading_;
}

}  // namespace rategate
