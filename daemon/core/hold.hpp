// What this host holds of one counter of a concurrency limit: docs/concurrency.md, "With the
// store". A state machine of asks and answers; how much is wanted is somebody else's business.
// Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/base/time.hpp"
#include "daemon/limit/clock_reading.hpp"
#include "daemon/limit/hold_record.hpp"

namespace rategate {

class Hold {
 public:
  // What is to be asked.
  struct Ask {
    std::int64_t sequence = 0;
    std::int64_t used = 0;    // what is entered
    std::int64_t wanted = 0;  // at least that
    bool keeps = true;        // as far as it is wanted; else what is entered, and no more
    std::int64_t kept = 0;    // is filled in
  };

  // The hold is surely good at that reading. Nothing is good while there is none.
  bool is_good(const std::optional<ClockReading>& reading) const;
  // So many the store has granted last, if it is good.
  std::int64_t held() const { return held_; }
  // So many of them may be entered.
  std::int64_t usable() const { return usable_; }
  StoreTime until() const { return until_; }
  bool is_asking() const { return asking_ != 0; }
  // The last call asked for this.
  const Ask& asked() const { return asked_; }

  // From here on no more is used than what is kept.
  Ask ask(Ask wanted, const std::optional<ClockReading>& reading);
  // Whether it was the answer to the last call: only that counts.
  bool answered(std::int64_t sequence, const HoldAnswer& answer);
  // Nobody knows what has become of the last call; or it was refused.
  void lose() { asking_ = 0; }
  // No more is used than so many, whatever is held.
  void lower(std::int64_t most);

 private:
  std::int64_t held_ = 0;
  std::int64_t usable_ = 0;
  StoreTime until_{INT64_MIN};
  std::int64_t asking_ = 0;  // the sequence of the last call; 0: it is over
  Ask asked_;
};

}  // namespace rategate
