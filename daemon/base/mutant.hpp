// Mutants: known mistakes that can be switched on in a test build, so that a test can show that
// the suite catches each. In the build that users get, mutant() is the constant false.
#pragma once

#include <functional>
#include <string_view>

namespace rategate {

#ifdef RATEGATE_MUTANTS
inline std::string_view& active_mutant() {
  static std::string_view name;  // set once by main, before the loop runs
  return name;
}
inline bool mutant(std::string_view name) { return active_mutant() == name; }
// What happens between two steps of a client on shared memory: see shm/faults.h.
inline std::function<void()>& step_hook() {
  static std::function<void()> hook;
  return hook;
}
#else
constexpr bool mutant(std::string_view) { return false; }
#endif

}  // namespace rategate
