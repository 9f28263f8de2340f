// Who asks in schedules of weighted costs: each process for a part of the limit at a time, 5 to 40
// % of it, with single permits in between where the schedule says so. The arrivals are the seed's
// alone, so that two schedules that differ in nothing but the mode get the same. Where there is one
// host only, a denial is wrong whose cost fits beside all that was allowed.
#pragma once

#include <cstdint>

#include "tests/sim/judge.hpp"
#include "tests/sim/random.hpp"

namespace rategate::sim {

class Process;

class Weighted final : public Judge {
 public:
  explicit Weighted(World& world);

  bool plan() override;

 private:
  void next_check(Process& process, Random arrivals);

  World& world_;
};

}  // namespace rategate::sim
