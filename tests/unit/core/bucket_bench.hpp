// One check after another of a limit whose counters last, with the store beside the gate.
#pragma once

#include <cstdint>
#include <utility>

#include "tests/unit/core/gate_bench.hpp"

namespace rategate::test {

inline Decision served(Bench& bench, const LimitUsePtr& use, std::int64_t cost = 1) {
  const CheckResult result = bench.check(use, "k", cost);
  if (!result.waits) return result.decision;
  bench.serve();
  const auto answers = bench.answers();
  REQUIRE(answers.size() == 1);
  return answers.front().decision;
}

// The one that the store would be asked for now.
inline Reservation asked_one(Bench& bench) {
  auto asked = bench.asked();
  REQUIRE(asked.size() == 1);
  return std::move(asked.front());
}

}  // namespace rategate::test
