// rategated. What it does is in daemon/app/program.cpp.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "daemon/app/program.hpp"
#include "daemon/base/mutant.hpp"

int main(int argc, char** argv) {
#ifdef RATEGATE_MUTANTS
  if (const char* name = std::getenv("RATEGATE_MUTANT")) rategate::active_mutant() = name;
#endif
  try {
    return rategate::run_program(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "rategated: %s\n", failure.what());
    return 1;
  }
}
