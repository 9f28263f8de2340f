// sim_flight: schedules of limits of concurrency.
//
//   sim_flight SEED COUNT [MUTANT...]    the schedules of the seeds SEED, SEED + 1, ...; with each
//   of
//                                        those known mistakes, which must be caught
//
// Exit codes: 0 as it should be, 1 not, 2 not understood.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/sim/flight.hpp"
#include "tests/sim/hooks.hpp"

using namespace rategate::sim;

namespace {

struct Ran {
  std::int64_t entered = 0;
  int failed = 0;
};

// Until so many have failed.
Ran run(std::uint64_t first, std::uint64_t count, int most_failed) {
  Ran ran;
  for (std::uint64_t seed = first; seed < first + count && ran.failed < most_failed; ++seed) {
    Flight flight(seed);
    const std::string failure = flight.run();
    ran.entered += flight.entered();
    if (failure.empty()) continue;
    ++ran.failed;
    std::cout << "FAILED seed " << seed << ": " << failure << std::endl;
  }
  return ran;
}

bool is_caught(const std::string& mutant, std::uint64_t first, std::uint64_t count) {
  std::cout << mutant << ": ";
  make_mistake(mutant);
  const bool caught = run(first, count, 1).failed > 0;
  make_mistake("");
  if (!caught) std::cout << "NOT CAUGHT in " << count << " schedules" << std::endl;
  return caught;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || (argc > 3 && !has_mistakes())) return 2;
  const std::uint64_t first = std::strtoull(argv[1], nullptr, 10);
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  bool good = true;
  for (int i = 3; i < argc; ++i) good = is_caught(argv[i], first, count) && good;
  if (argc > 3) return good ? 0 : 1;
  const Ran ran = run(first, count, 5);
  std::cout << count << " schedules, " << ran.entered << " entered; " << ran.failed << " failed"
            << std::endl;
  // A simulation in which nothing happens proves nothing.
  return ran.failed == 0 && ran.entered >= static_cast<std::int64_t>(count) ? 0 : 1;
}
