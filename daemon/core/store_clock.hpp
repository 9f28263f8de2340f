// The store's clock, as known on this host: its own clock plus an offset measured from answers
// that carried Redis TIME. It never says what time it is, only between which two moments it is.
//
// A measurement: TIME was read somewhere between the sending of the request and the reading of
// its answer, so the offset is the middle, give or take half the round trip, and 100 us for what
// the stamps miss. It grows stale by max_drift. The best recent measurement counts. An offset
// belongs to one primary: forget() when the store may be another.
//
// Not thread-safe. Pure: every reading of a clock comes in as an argument.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "daemon/base/time.hpp"
#include "daemon/limit/clock_reading.hpp"

namespace rategate {

class StoreClock {
 public:
  struct Options {
    std::int64_t max_error_us = 100'000;
    std::int64_t max_drift_ppm = 1000;
  };
  enum class Measured {
    Kept,          // the one at hand is still better
    Taken,         // this one is better, or the first
    Contradicted,  // it cannot be true together with the one at hand: taken, and worth a line in
                   // the log (a machine whose clocks stood still, or a store whose clock was set)
  };

  explicit StoreClock(const Options& options) : options_(options) {}

  // `sent` was read before the request was written, `received` after the answer was read.
  Measured measure(Mono sent, Mono received, StoreTime time);
  void forget();

  // Nothing before the first measurement.
  std::optional<ClockReading> read(Mono now) const;

  // The error is inside the configured bound: outside of it no window is told.
  bool trusts(const ClockReading& reading) const {
    return reading.error_us() <= options_.max_error_us;
  }
  const Options& options() const { return options_; }
  // What to wait for so much of the store's time to pass: the error grows meanwhile, but for no
  // longer than until it is measured again.
  std::int64_t with_drift(std::int64_t us) const {
    const std::int64_t drift_us = (us / 1000 + 1) * options_.max_drift_ppm / 1000;
    return us + std::min(drift_us, options_.max_error_us) + 1;
  }
  // The measurement that counts.
  struct Measurement {
    Mono at;
    std::int64_t offset_us = 0;
    std::int64_t error_us = 0;  // at that moment
  };
  std::optional<Measurement> measured() const {
    if (!known_) return std::nullopt;
    return Measurement{measured_, offset_us_, error_us_};
  }
  std::int64_t offset_us() const { return offset_us_; }

 private:
  std::int64_t error_at(Mono now) const;

  Options options_;
  bool known_ = false;
  Mono measured_;
  std::int64_t offset_us_ = 0;
  std::int64_t error_us_ = 0;
  // No reading is earlier than one given before: a better measurement may move the middle back,
  // and on one host windows never go backwards.
  mutable StoreTime floor_{INT64_MIN};
  // The last reading: the checks of one read from a socket have one moment.
  mutable Mono read_at_{INT64_MIN};
  mutable ClockReading reading_;
};

}  // namespace rategate
