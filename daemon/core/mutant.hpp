// Mutants: known mistakes that can be switched on in a test build, so that a test can show that
// the suite catches each. In the build that users get, mutant() is the constant false.
#pragma once

#include <string_view>

namespace rategate {

#ifdef RATEGATE_MUTANTS
inline std::string_view& active_mutant() {
  static std::string_view name;  // set once by main, before the loop runs
  return name;
}
inline bool mutant(std::string_view name) { return active_mutant() == name; }
#else
constexpr bool mutant(std::string_view) { return false; }
#endif

}  // namespace rategate
