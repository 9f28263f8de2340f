// The hooks of the program that is linked to the daemon's own objects: only steps, and those are
// the client's.
#define RATEGATE_MUTANTS
#include "shm/faults.h"
#include "tests/sim/hooks.hpp"

namespace rategate::sim {
namespace {
std::function<void()>& step() {
  static std::function<void()> step;
  return step;
}
}  // namespace

bool has_mistakes() { return false; }
void make_mistake(const std::string&) {}
bool mistake(std::string_view) { return false; }
void set_step(std::function<void()> next) { step() = std::move(next); }

}  // namespace rategate::sim

int rg_mutant(const char*) { return 0; }
void rg_step() {
  if (rategate::sim::step()) rategate::sim::step()();
}
