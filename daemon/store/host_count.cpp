#include "daemon/store/host_count.hpp"

#include <algorithm>

namespace rategate {
namespace {

// In each minute a host is counted within the first part of it, and looks in the second: so what it
// looks at is complete.
constexpr std::int64_t kCountedWithinMs = 20'000;
constexpr std::int64_t kLooksFromMs = 30'000;

}  // namespace

std::optional<Call> HostCount::due(StoreTime now) {
  const std::int64_t now_ms = now.us / 1000;
  const std::int64_t minute_ms = now_ms - now_ms % kEveryMs;
  Call call{Call::Kind::Hosts};
  call.minute_ms = minute_ms;
  const auto some = [&](std::int64_t most) { return most * random_.of_1024() / 1024; };
  if (counted_ms_ != minute_ms && (counted_ms_ < 0 || now_ms >= next_ms_)) {
    call.adds = true;
    counted_ms_ = minute_ms;
    looks_ms_ = std::max(now_ms + 1000, minute_ms + kLooksFromMs) + some(kCountedWithinMs);
    next_ms_ = minute_ms + kEveryMs + some(kCountedWithinMs);
    return call;
  }
  if (looks_ms_ == 0 || now_ms < looks_ms_) return std::nullopt;
  looks_ms_ = 0;
  return call;
}

std::int64_t HostCount::due_in_us(StoreTime now) const {
  if (counted_ms_ < 0) return 0;
  const std::int64_t at_ms = looks_ms_ == 0 ? next_ms_ : std::min(looks_ms_, next_ms_);
  return std::max<std::int64_t>(0, at_ms * 1000 - now.us);
}

}  // namespace rategate
