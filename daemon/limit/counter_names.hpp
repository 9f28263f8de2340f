// The names that a limit's counters have in the store: of each key and each window one. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rategate {

class KeyTemplate;

// What is the same in all of them is written once, because there is a name in each reservation.
class CounterNames {
 public:
  CounterNames(const KeyTemplate& text, std::string_view limit, std::int64_t period_ms);

  // `window_start_ms`: of the store's clock.
  std::string of(std::string_view key, std::int64_t window_start_ms) const;

 private:
  std::string pattern_;  // with %k, %w and %% in it
  std::int64_t unit_ms_;
};

}  // namespace rategate
