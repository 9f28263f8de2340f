// What is asked for of a limit. A plain value.
#pragma once

#include <cstdint>

namespace rategate {

struct Ask {
  // What a check asks for.
  Ask(std::int64_t permits = 1) : cost(permits) {}  // NOLINT(google-explicit-constructor)
  // Nothing is taken: it is only told whether so many permits are there.
  static Ask look(std::int64_t permits) {
    Ask ask(permits);
    ask.takes = false;
    return ask;
  }

  std::int64_t cost;  // permits, 1 to kMaxPermits; of CL.THROTTLE 0 as well
  bool takes = true;
  std::int64_t taken() const { return takes ? cost : 0; }
};

// How the asker is told of the decision: comes back with the answer, and means nothing to the gate.
enum class Telling : std::uint8_t {
  Integers,  // as CHECK does
  Cell,      // as CL.THROTTLE does
  All,       // as CHECKALL does
  Map,       // as CHECKX does, in RESP2
  Map3,      // the same in RESP3
};

}  // namespace rategate
