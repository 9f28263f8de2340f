#include "daemon/core/turn.hpp"

#include <algorithm>

namespace rategate {

void Turn::begin() {
  ++number_;
  // Who will come in this turn is not known before it is over: as many as in the last one, or as
  // many as were left over from it.
  const std::size_t ready = std::max({queue_.size(), served_, std::size_t{1}});
  slice_us_ = std::clamp(policy_.all_us / static_cast<std::int64_t>(ready), policy_.least_us,
                         policy_.most_us);
  used_us_ = 0;
  served_ = 0;
  accepted_ = 0;
  to_name_ = queue_.size();
}

std::optional<std::uint32_t> Turn::next() {
  if (to_name_ == 0) return std::nullopt;
  --to_name_;
  const std::uint32_t id = queue_.front();
  queue_.pop_front();
  return id;
}

void Turn::resume(Slice& slice) {
  slice.ready = false;
  give(slice, slice_us_);
}

void Turn::put_off(Slice& slice) {
  if (slice.ready) return;
  slice.ready = true;
  queue_.push_back(slice.id);
}

void Turn::give(Slice& slice, std::int64_t us) {
  slice.turn = number_;
  slice.left_us = us;
  ++served_;
}

bool Turn::start(Slice& slice, Mono now) {
  moment_ = now;
  if (slice.ready) return false;
  // Where more have come than were expected, the last ones get the least.
  if (slice.turn != number_) {
    give(slice, std::clamp(policy_.all_us - used_us_, policy_.least_us, slice_us_));
  }
  if (slice.left_us <= 0) return false;
  began_ = now;
  until_ = after(now, slice.left_us);
  unlooked_ = 0;
  over_ = false;
  return true;
}

void Turn::look(Mono now) {
  moment_ = now;
  unlooked_ = 0;
  over_ = now >= until_;
}

void Turn::stop(Slice& slice, Mono now) {
  const std::int64_t used_us = now.us - began_.us;
  slice.left_us -= used_us;
  used_us_ += used_us;
  over_ = true;
}

bool Turn::may_accept() {
  if (accepted_ >= policy_.accepts) return false;
  ++accepted_;
  return true;
}

}  // namespace rategate
