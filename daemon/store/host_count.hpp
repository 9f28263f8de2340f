// How many hosts there are, as all of them together tell in the store: in each minute of the
// store's clock each adds itself once to that minute's count, and looks at it once more later. A
// host that starts anew is counted twice in its minute. Of the minute that is over and the one that
// is under way the larger count is taken, so that a host is missed for a minute or two at most when
// it comes, and counted for as long when it goes.
//
// Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/base/random.hpp"
#include "daemon/base/time.hpp"
#include "daemon/store/call.hpp"

namespace rategate {

class HostCount {
 public:
  static constexpr std::int64_t kEveryMs = 60'000;

  explicit HostCount(std::uint64_t seed) : random_(seed) {}

  // What is to be asked at that moment of the store's clock; nothing where nothing is.
  std::optional<Call> due(StoreTime now);
  // How long until then, in microseconds, where nothing is asked meanwhile.
  std::int64_t due_in_us(StoreTime now) const;

 private:
  std::int64_t counted_ms_ = -1;  // the minute's start in which this host was counted
  std::int64_t looks_ms_ = 0;     // then it looks once more ...
  std::int64_t next_ms_ = 0;      // ... and then it is counted again
  Random random_;
};

}  // namespace rategate
