#include "daemon/core/hold.hpp"

#include <algorithm>

namespace rategate {

bool Hold::is_good(const std::optional<ClockReading>& reading) const {
  return reading && reading->latest < until_;
}

void Hold::lower(std::int64_t most) { usable_ = std::min(usable_, most); }

Hold::Ask Hold::ask(Ask wanted, const std::optional<ClockReading>& reading) {
  // What was entered under a hold that is over is used, and not kept.
  if (!is_good(reading)) lower(0);
  lower(wanted.keeps ? wanted.wanted : wanted.used);
  wanted.kept = usable_;
  asking_ = wanted.sequence;
  asked_ = wanted;
  return wanted;
}

bool Hold::answered(std::int64_t sequence, const HoldAnswer& answer) {
  if (sequence != asking_) return false;
  asking_ = 0;
  if (answer.status != HoldAnswer::Status::Holds) return true;
  held_ = usable_ = answer.held;
  until_ = answer.until;
  return true;
}

}  // namespace rategate
