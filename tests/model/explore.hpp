// All executions of a litmus program that the axioms allow.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/model/event.hpp"
#include "tests/model/recorder.hpp"

namespace rategate::model {

// Threads that share memory, and what must never come of it. The threads use shared memory through
// shm/word.h only, and hold what they share alive.
struct Program {
  std::string name;
  std::vector<Thread> threads;
  // Given each thread's result: whether the promise is broken.
  std::function<bool(const std::vector<Result>&)> broken;
};

struct Exploration {
  uint64_t candidates = 0;  // runs that fit together by value, with each choice of reads-from
  uint64_t executions = 0;  // of these, with each modification order: the consistent ones
  uint64_t broken = 0;      // of these: those that break the promise
  std::set<Site> sites;     // the orders that the program uses
};

enum class Until { kEnd, kFirstBroken };

// `weakening` may be null. Until::kFirstBroken looks at nothing but broken executions, and at one.
Exploration explore(const Program& program, const Weakening* weakening, Until until);

}  // namespace rategate::model
