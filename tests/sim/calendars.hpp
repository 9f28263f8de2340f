// Windows of unequal length, as months are, and short enough for a schedule to have several.
#pragma once

#include "daemon/limit/calendar.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/scenario.hpp"

namespace rategate::sim {

class UnevenCalendar : public Calendar {
 public:
  UnevenCalendar();
  std::int64_t number_at(std::int64_t ms) const override;
  std::int64_t start_ms(std::int64_t number) const override;
  std::int64_t longest_ms() const override { return kLongestMs; }

  static constexpr std::int64_t kLongestMs = 9000;
};

// What befalls everybody is that of another kind.
Scenario calendar_of(std::uint64_t seed, Random& random);

}  // namespace rategate::sim
