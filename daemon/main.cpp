// rategated. What it does is in daemon/app/program.cpp.
#include <cstdio>
#include <exception>

#include "daemon/app/program.hpp"

int main(int argc, char** argv) {
  try {
    return rategate::run_program(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "rategated: %s\n", failure.what());
    return 1;
  }
}
