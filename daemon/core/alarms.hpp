// When the gate comes back to which counter by itself: the soonest first. A counter has one alarm;
// an earlier moment takes the place of a later one. Not thread-safe.
#pragma once

#include <queue>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/core/counters.hpp"

namespace rategate {

class Alarms {
 public:
  explicit Alarms(Counters& counters) : counters_(counters) {}

  // At that moment, unless it is set for an earlier one.
  void set(CounterId id, Mono at);
  // The next counter whose moment has come; none where there is no such.
  CounterId ring(Mono now);
  // The soonest moment. It may be one that was replaced since: then nobody rings.
  Mono next() const { return queue_.empty() ? kNever : queue_.top().at; }

 private:
  struct Alarm {
    Mono at;
    CounterId counter;
    bool operator>(const Alarm& other) const { return at > other.at; }
  };

  Counters& counters_;
  std::priority_queue<Alarm, std::vector<Alarm>, std::greater<>> queue_;
};

}  // namespace rategate
