#include "tests/sim/mutants.hpp"

#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <vector>

#include "tests/sim/hooks.hpp"
#include "tests/sim/run.hpp"

namespace rategate::sim {
namespace {

constexpr std::uint64_t kMostSeeds = 6000;

struct Caught {
  std::uint64_t seed = 0;  // 0: not
  Kind kind = Kind::Mixed;
  std::string by;
};

std::string run(std::uint64_t seed, Kind kind) {
  return run_schedule(scenario_of(seed, kind), nullptr);
}

Caught hunt(const std::vector<Kind>& kinds, std::uint64_t first) {
  for (std::uint64_t seed = first; seed < first + kMostSeeds; ++seed) {
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
      {"accepts-without-end", {Kind::Unfair}},
      {"asked-before-told", {Kind::Recount}},
      {"block-by-the-earliest", {Kind::Edges, Kind::Long}},
      {"bucket-expires-early", {Kind::Bucket}},
      {"calendar-opened-early", {Kind::Calendar}},
      {"calendar-shown-ahead", {Kind::Calendar}},
      {"denied-before-the-block", {Kind::Edges, Kind::Long}},
      {"denied-by-the-earliest", {Kind::Bucket}},
      {"emptied-not-kept", {Kind::Bucket}},
      {"hand-never-ends", {Kind::Bucket}},
      {"lease-beside-a-refusal", {Kind::Bucket}},
      {"lease-stamped-early", {Kind::Bucket}},
      {"slice-by-the-earliest", {Kind::Bucket}},
      {"slice-spent-by-the-earliest", {Kind::Bucket}},
      {"denial-outlives-its-reason", {Kind::Bucket}},
      {"denial-that-is-over", {Kind::Bucket}},
      {"settled-for-longer", {Kind::Bucket}},
      {"booking-forgets-what-is-full", {Kind::Bucket}},
      {"booking-told-by-the-clock", {Kind::Bucket}},
      {"bookings-outlive-a-loss", {Kind::Bucket}},
      {"known-rounded-down", {Kind::Bucket}},
      {"log-forgets-early", {Kind::Log}},
      {"lost-log-empty", {Kind::Log}},
      {"missing-log-empty", {Kind::Log}},
      {"log-expires-early", {Kind::Log}},
      {"log-lease-stamped-early", {Kind::Log}},
      {"lost-bucket-full", {Kind::Bucket}},
      {"missing-bucket-full", {Kind::Bucket}},
      {"taken-at-another-rate", {Kind::Bucket}},
      {"count-by-maximum", {Kind::Recount}},
      {"counted-on-at-once", {Kind::Recount}},
      {"known-lost-with-permits", {Kind::Recount}},
      {"released-after-a-loss", {Kind::Recount}},
      {"told-once-for-all", {Kind::Recount}},
      {"told-when-asked", {Kind::Recount}},
      {"asked-without-asking", {Kind::Cluster}},
      {"moved-is-grant", {Kind::Cluster}},
      {"no-room-for-few", {Kind::Overload}},
      {"one-clock-for-all-shards", {Kind::Cluster}},
      {"moved-before-told", {Kind::Cluster}},
      {"base-not-named", {Kind::Cluster}},
      {"led-not-noted", {Kind::Cluster}},
      {"one-for-all-slots", {Kind::Cluster}},
      {"losses-stay-behind", {Kind::Cluster}},
      {"losses-not-inherited", {Kind::Cluster}},
      {"doubts-nobody", {Kind::Cluster}},
      {"parts-rounded-up", {Kind::Cluster}},
      {"adopts-the-old-segment", {Kind::Faults, Kind::Hot}},
      {"ends-that-do-not-grow", {Kind::Slots}},
      {"denied-while-in-hand", {Kind::Weighted}},
      {"first-come-first-served", {Kind::Overload}},
      {"grant-not-clamped", {Kind::Recipe}},
      {"greeting-commits-early", {Kind::Greeting}},
      {"guard-bypassed-when-idle", {Kind::Overload}},
      {"late-replies-counted-together", {Kind::Overload}},
      {"identity-after-swap", {Kind::Slots}},
      {"lease-in-each-call", {Kind::Overload}},
      {"lease-of-a-smaller-burst", {Kind::Bucket}},
      {"stock-given-back-to-bucket", {Kind::Bucket}},
      {"leases-outlive-a-step", {Kind::Bucket, Kind::Log}},
      {"bookings-outlive-a-step", {Kind::Bucket, Kind::Log}},
      {"log-stamp-rounded-down", {Kind::Log}},
      {"group-spared-is-paid", {Kind::Cluster}},
      {"leases-after-all-checks", {Kind::Overload}},
      {"lost-without-what-was-ahead", {Kind::Greeting, Kind::Failover}},
      {"lowered-limit-ignored", {Kind::Reload}},
      {"rules-not-compared", {Kind::Reload}},
      {"refused-asked-together-again", {Kind::Refusals}},
      {"refused-call-fails-all", {Kind::Refusals}},
      {"release-of-published-permits", {Kind::Long}},
      {"release-repeated", {Kind::Long}},
      {"replid-not-compared", {Kind::Greeting}},
      {"reign-ignored", {Kind::Greeting}},
      {"known-history-not-told", {Kind::Greeting}},
      {"answers-used-unproved", {Kind::Greeting}},
      {"reign-not-compared", {Kind::Greeting}},
      {"since-kept-over-flush", {Kind::Greeting}},
      {"fence-ignored", {Kind::Failover}},
      {"old-naming-believed", {Kind::Failover}},
      {"proof-by-lag", {Kind::Failover}},
      {"replicas-by-number", {Kind::Failover}},
      {"lost-without-margin", {Kind::Failover}},
      {"stale-reign-believed", {Kind::Greeting}},
      {"refused-record-ignored", {Kind::Greeting}},
      {"silence-by-oldest-call", {Kind::Overload}},
      {"slot-reused-while-its-window-lives", {Kind::Slots}},
      {"too-late-for-good", {Kind::Overload}},
      {"ttl-only-when-missing", {Kind::Recipe}},
      {"slice-without-end", {Kind::Unfair}},
      {"window-cut-by-each-answer", {Kind::Overload}},
      {"window-never-cut", {Kind::Overload}},
      {"window-of-parts", {Kind::Overload}},
      {"write-by-ignored", {Kind::Overload}},
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
    std::uint64_t known = 1;
    words >> known;
    ++count;
    make_mistake(name);
    Caught caught = hunt(kinds_of(name), known);
    if (caught.seed == 0 && known > 1) caught = hunt(kinds_of(name), 1);
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
