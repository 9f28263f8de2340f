#include "tests/mutants/mutant.h"

#include <cstdlib>
#include <string>

namespace {

std::string& active() {
  static std::string name = [] {
    const char* const named = std::getenv("RATEGATE_MUTANT");
    return std::string(named == nullptr ? "" : named);
  }();
  return name;
}

}  // namespace

bool mutant(const char* name) { return active() == name; }
void set_mutant(const char* name) { active() = name; }
