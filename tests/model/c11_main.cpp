// `model_c11 HEADER`: all executions that C11 allows of the hand-over, with the orders that stand
// in shm/word.h, and with each of them weakened. HEADER is that file, to see that none of
// its orders was left out. Exits with 1 where an execution breaks the promise as the orders stand,
// where a weaker order or a wrong step breaks nothing, and where an order is in no litmus.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/model/litmus.hpp"
#include "tests/model/litmus_bans.hpp"
#include "tests/model/litmus_put_back.hpp"
#include "tests/model/litmus_slices.hpp"
#include "tests/model/weaker_orders.hpp"

namespace rategate::model {
namespace {

std::vector<Program> with(std::vector<Program> programs, const std::vector<Program>& more) {
  programs.insert(programs.end(), more.begin(), more.end());
  return programs;
}

bool check_as_they_stand(const std::vector<Program>& programs, std::set<Site>& sites) {
  bool good = true;
  std::printf("%-58s %10s %10s %6s\n", "litmus, orders as they stand", "candidates", "executions",
              "broken");
  Exploration sum;
  for (const Program& program : programs) {
    const Exploration found = explore(program, nullptr, Until::kEnd);
    std::printf("%-58s %10" PRIu64 " %10" PRIu64 " %6" PRIu64 "\n", program.name.c_str(),
                found.candidates, found.executions, found.broken);
    sites.insert(found.sites.begin(), found.sites.end());
    sum.candidates += found.candidates;
    sum.executions += found.executions;
    // Without an execution nothing was shown.
    good = good && found.broken == 0 && found.executions > 0;
  }
  std::printf("%-58s %10" PRIu64 " %10" PRIu64 "\n\n", "all", sum.candidates, sum.executions);
  return good;
}

bool check_mistakes() {
  bool good = true;
  std::printf("%-58s %s\n", "a wrong step", "caught");
  for (const Program& program :
       with(with(with(litmus_mistakes(), slice_mistakes()), put_back_mistakes()), ban_mistakes())) {
    const bool caught = explore(program, nullptr, Until::kFirstBroken).broken > 0;
    std::printf("%-58s %s\n", program.name.c_str(), caught ? "yes" : "NO");
    good = good && caught;
  }
  std::printf("\n");
  return good;
}

// Who catches it: a litmus, or the reason why nobody needs to. Clears `good` where it is neither,
// or both.
std::string caught_by(const std::vector<Program>& programs, const Weakening& weakening,
                      bool& good) {
  const char* reason = reason_to_keep(weakening);
  for (const Program& program : programs) {
    if (explore(program, &weakening, Until::kFirstBroken).broken == 0) continue;
    good = good && reason == nullptr;
    return reason == nullptr ? program.name : program.name + " (BUT KEPT FOR ANOTHER REASON)";
  }
  good = good && reason != nullptr;
  return reason != nullptr ? reason : "NOTHING";
}

bool check_weaker(const std::vector<Program>& programs, const std::set<Site>& sites) {
  bool good = true;
  std::printf("%-26s %-12s %-8s %-8s %s\n", "function", "operation", "order", "weaker",
              "caught by");
  size_t reasons = 0;
  for (const Weakening& weakening : weaker_orders(sites)) {
    const std::string by = caught_by(programs, weakening, good);
    if (reason_to_keep(weakening) != nullptr) ++reasons;
    std::printf("%-26s %-12s %-8s %-8s %s\n", weakening.site.function.c_str(),
                weakening.site.operation.c_str(), order_name(weakening.site.order),
                order_name(weakening.order), by.c_str());
  }
  if (reasons != kept_orders().size()) {
    std::puts("kept_orders() names an order that the header does not have");
    good = false;
  }
  std::printf("\n");
  return good;
}

// Whoever carries a permit puts it back rightly, however weak an order is: the swap is of the word
// that has the same end.
bool check_needs_no_order(const std::set<Site>& sites) {
  bool good = true;
  std::printf("%-58s %s\n", "a permit that is carried", "broken by a weaker order");
  for (const Program& program : carried_programs()) {
    bool holds = true;
    for (const Weakening& weakening : weaker_orders(sites)) {
      holds = holds && explore(program, &weakening, Until::kFirstBroken).broken == 0;
    }
    std::printf("%-58s %s\n", program.name.c_str(), holds ? "no" : "YES");
    good = good && holds;
  }
  std::printf("\n");
  return good;
}

// Each order stronger than relaxed that the header names must be in a litmus.
bool check_all_met(const char* header, const std::set<Site>& sites) {
  std::ifstream file(header);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t named = count_strong_orders(text);
  const auto met = static_cast<size_t>(std::count_if(
      sites.begin(), sites.end(), [](const Site& site) { return site.order != __ATOMIC_RELAXED; }));
  std::printf("orders stronger than relaxed: %zu in the header, %zu in litmus programs\n", named,
              met);
  return named > 0 && named == met;
}

int run(const char* header) {
  const std::vector<Program> programs =
      with(with(with(litmus_programs(), slice_programs()), put_back_programs()), ban_programs());
  std::set<Site> sites;
  bool good = check_as_they_stand(programs, sites);
  good = check_mistakes() && good;
  good = check_weaker(programs, sites) && good;
  good = check_needs_no_order(sites) && good;
  good = check_all_met(header, sites) && good;
  std::puts(good ? "good" : "FAILED");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace rategate::model

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: model_c11 shm/word.h\n");
    return 2;
  }
  try {
    return rategate::model::run(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "model_c11: %s\n", error.what());
    return 1;
  }
}
