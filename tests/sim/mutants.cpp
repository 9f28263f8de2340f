#include "tests/sim/mutants.hpp"

#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <vector>

#include "tests/sim/hooks.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

constexpr std::uint64_t kMostSeeds = 3000;

struct Caught {
  std::uint64_t seed = 0;  // 0: not
  Kind kind = Kind::Mixed;
  std::string by;
};

std::string run(std::uint64_t seed, Kind kind) {
  World world(scenario_of(seed, kind));
  return world.run();
}

Caught hunt(const std::vector<Kind>& kinds) {
  for (std::uint64_t seed = 1; seed <= kMostSeeds; ++seed) {
    for (const Kind kind : kinds) {
      std::string failure = run(seed, kind);
      if (!failure.empty()) return {seed, kind, std::move(failure)};
    }
  }
  return {};
}

// The schedules that provoke it: all kinds where none is known to. Outside promises nothing.
std::vector<Kind> kinds_of(const std::string& name) {
  static const std::map<std::string, std::vector<Kind>> known = {
      {"adopts-the-old-segment", {Kind::Faults, Kind::Hot}},
      {"ends-that-do-not-grow", {Kind::Slots}},
      {"grant-not-clamped", {Kind::Recipe}},
      {"identity-after-swap", {Kind::Slots}},
      {"lowered-limit-ignored", {Kind::Reload}},
      {"release-of-published-permits", {Kind::Long}},
      {"release-repeated", {Kind::Long}},
      {"slot-reused-while-its-window-lives", {Kind::Slots}},
      {"ttl-only-when-missing", {Kind::Recipe}},
  };
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  std::vector<Kind> kinds;
  for (int i = 0; i < kKinds; ++i) {
    if (static_cast<Kind>(i) != Kind::Outside) kinds.push_back(static_cast<Kind>(i));
  }
  return kinds;
}

}  // namespace

bool judge_mutants(const std::string& file) {
  if (!has_mistakes()) {
    std::cout << "FAILED: this program has no mistakes in it\n";
    return false;
  }
  std::ifstream lines(file);
  bool all = true;
  int count = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    if (!(words >> name) || name[0] == '#') continue;
    ++count;
    make_mistake(name);
    const Caught caught = hunt(kinds_of(name));
    make_mistake("");
    if (caught.seed == 0) {
      std::cout << "SURVIVED " << name << '\n' << std::flush;
      all = false;
      continue;
    }
    std::cout << name << ": seed " << caught.seed << " (" << name_of(caught.kind)
              << "): " << caught.by << '\n'
              << std::flush;
    const std::string without = run(caught.seed, caught.kind);
    if (without.empty()) continue;
    std::cout << "FAILED without a mistake: " << without << '\n' << std::flush;
    all = false;
  }
  if (count < 18) {
    std::cout << "FAILED: " << file << " names " << count << " mistakes" << '\n' << std::flush;
    return false;
  }
  return all;
}

}  // namespace rategate::sim
