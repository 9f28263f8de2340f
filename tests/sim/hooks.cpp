#include "tests/sim/hooks.hpp"

#define RATEGATE_STEPS
#include "shm/step.h"

namespace rategate::sim {
namespace {

std::function<void()>& step() {
  static std::function<void()> step;
  return step;
}

}  // namespace

void set_step(std::function<void()> next) { step() = std::move(next); }

}  // namespace rategate::sim

void rg_step() {
  if (rategate::sim::step()) rategate::sim::step()();
}
