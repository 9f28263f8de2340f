// What the simulation switches on in the code it tests: a known mistake, and what happens between
// two steps of a client on shared memory. Two programs are made of the simulation: one on the very
// objects that the daemon is linked from, which know no mistakes, and one on those that have them.
#pragma once

#include <functional>
#include <string>

namespace rategate::sim {

// Whether mistakes can be switched on in this program.
bool has_mistakes();
// "" for none.
void make_mistake(const std::string& name);
// Whether it is the one that is switched on: for mistakes of the simulated parts.
bool mistake(const char* name);
void set_step(std::function<void()> step);

}  // namespace rategate::sim
