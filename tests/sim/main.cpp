// rategate_sim: runs schedules, and says how to repeat one that fails.
//
//   --schedules N     how many (1000), of the seeds S, S + 1, ...
//   --seed S          the first (1)
//   --kind KIND       all of that kind; fleet: what fleets ask of a primary (docs/capacity.md)
//   --short           of the fleets those that take seconds
//   --cut A,B         with that taken out of each, as a failure says
//   --progress        a line of how far it is
//   --mutant NAME     with a known mistake; it must be caught
//   --mutants FILE    the same for each that the file names, and a run without any
//
// Exit codes: 0 as it should be, 1 not, 2 not understood.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "tests/sim/bucket_use.hpp"
#include "tests/sim/fleet.hpp"
#include "tests/sim/hooks.hpp"
#include "tests/sim/mutants.hpp"
#include "tests/sim/run.hpp"
#include "tests/sim/utilisation.hpp"

using namespace rategate::sim;

namespace {

struct Options {
  std::int64_t schedules = 1000;
  std::uint64_t seed = 1;
  std::optional<Kind> kind;
  std::vector<std::string> cuts;
  bool progress = false;
  bool utilisation = false;
  bool sharing = false;
  bool use_of_buckets = false;
  bool is_short = false;
  std::string mutant;
  std::string mutants_file;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

std::optional<Options> read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--progress") {
      options.progress = true;
    } else if (word == "--utilisation") {
      options.utilisation = true;
    } else if (word == "--sharing") {
      options.sharing = true;
    } else if (word == "--use-of-buckets") {
      options.use_of_buckets = true;
    } else if (word == "--short") {
      options.is_short = true;
    } else if (i + 1 < argc && word == "--schedules") {
      options.schedules = std::atoll(argv[++i]);
    } else if (i + 1 < argc && word == "--seed") {
      options.seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (i + 1 < argc && word == "--kind") {
      options.kind = kind_of(argv[++i]);
      if (!options.kind) return std::nullopt;
    } else if (i + 1 < argc && word == "--cut") {
      options.cuts = split(argv[++i]);
    } else if (i + 1 < argc && word == "--mutant") {
      options.mutant = argv[++i];
    } else if (i + 1 < argc && word == "--mutants") {
      options.mutants_file = argv[++i];
    } else {
      return std::nullopt;
    }
  }
  return options;
}

std::string run_one(std::uint64_t seed, std::optional<Kind> kind,
                    const std::vector<std::string>& cut, World::Totals* totals = nullptr) {
  Scenario scenario = scenario_of(seed, kind);
  for (const std::string& name : cut) apply_cut(scenario, name);
  return run_schedule(scenario, totals);
}

// Takes out whatever it fails without.
void report(std::uint64_t seed, const Options& options, const std::string& failure) {
  std::vector<std::string> kept = options.cuts;
  std::string last = failure;
  for (const std::string& cut : cuts()) {
    Scenario scenario = scenario_of(seed, options.kind);
    for (const std::string& name : kept) apply_cut(scenario, name);
    if (!apply_cut(scenario, cut)) continue;
    std::vector<std::string> tried = kept;
    tried.push_back(cut);
    const std::string smaller = run_one(seed, options.kind, tried);
    if (smaller.empty()) continue;
    kept = tried;
    last = smaller;
  }
  std::string line = "--schedules 1 --seed " + std::to_string(seed);
  if (options.kind) line += " --kind " + std::string(name_of(*options.kind));
  if (!options.mutant.empty()) line += " --mutant " + options.mutant;
  for (std::size_t i = 0; i < kept.size(); ++i) line += (i == 0 ? " --cut " : ",") + kept[i];
  std::cout << "FAILED seed " << seed << " (" << name_of(scenario_of(seed, options.kind).kind)
            << "): " << failure << "\n  smaller: " << last << "\n  replay: ./dev sim " << line
            << '\n'
            << std::flush;
}

int run_schedules(const Options& options) {
  World::Totals sum;
  std::int64_t failed = 0;
  const auto began = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < options.schedules; ++i) {
    const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(i);
    World::Totals totals;
    const std::string failure = run_one(seed, options.kind, options.cuts, &totals);
    sum.checks += totals.checks;
    sum.allowed += totals.allowed;
    sum.shared += totals.shared;
    sum.events += totals.events;
    sum.put_back += totals.put_back;
    sum.groups_granted += totals.groups_granted;
    sum.groups_denied += totals.groups_denied;
    if (!failure.empty()) {
      report(seed, options, failure);
      if (++failed >= 5) break;
    }
    if (options.progress && (i + 1) % 100 == 0) {
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
      std::cerr << '\r' << i + 1 << " of " << options.schedules << " schedules, " << sum.checks
                << " checks, " << static_cast<std::int64_t>(took.count()) << " s " << std::flush;
    }
  }
  if (options.progress) std::cerr << '\n';
  std::cout << options.schedules << " schedules, " << sum.checks << " checks, " << sum.allowed
            << " permits allowed, " << sum.shared << " of them in shared memory, " << sum.put_back
            << " put back there, " << sum.events << " events, " << sum.groups_granted
            << " groups granted and " << sum.groups_denied << " denied; " << failed << " failed"
            << '\n'
            << std::flush;
  // A simulation in which nothing happens proves nothing.
  // What is put back is 188 in 10,000 schedules, but in a few of them: not in each thousand.
  const bool grouped = sum.groups_granted * 4 > options.schedules &&
                       sum.groups_denied * 20 > options.schedules &&
                       (sum.put_back > 0 || options.schedules < 10'000);
  const bool alive = sum.allowed * 20 > sum.checks && sum.shared * 20 > sum.allowed && grouped;
  if (failed == 0 && options.schedules >= 1000 && !options.kind && !alive) {
    std::cout << "FAILED: hardly anything was allowed, or decided by one call" << '\n'
              << std::flush;
    return 1;
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = read_options(argc, argv);
  if (!options) {
    std::cerr << "not understood; the options are at the top of tests/sim/main.cpp\n";
    return 2;
  }
  if (options->utilisation) return judge_utilisation() ? 0 : 1;
  if (options->sharing) return judge_sharing() ? 0 : 1;
  if (options->use_of_buckets) return judge_use_of_buckets() ? 0 : 1;
  if (options->kind == Kind::Fleet) return judge_fleets(options->is_short) ? 0 : 1;
  if (!options->mutants_file.empty()) return judge_mutants(options->mutants_file) ? 0 : 1;
  if (!options->mutant.empty() && !has_mistakes()) {
    std::cerr << "this program has no mistakes in it: run rategate_sim_mutants\n";
    return 2;
  }
  make_mistake(options->mutant);
  return run_schedules(*options);
}
