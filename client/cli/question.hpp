// What a call asks of a limit, and what it says of it afterwards.
#pragma once

#include <cstdint>
#include <string>

namespace rategate::cli {

struct Question {
  std::string limit;  // its name
  std::string key;    // empty: none
  std::int64_t cost = 1;
  std::int64_t permits = 0;  // 0: not declared
  std::int64_t period_ms = 1000;
};

// What was used of permits that a check took.
struct Settlement {
  std::int64_t took = 0;
  std::int64_t used = 0;
  std::int64_t receipt = 0;  // as check --json tells it
};

}  // namespace rategate::cli
