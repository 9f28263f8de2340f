#include "daemon/limit/fixed_window.hpp"

#include <limits>
#include <random>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
using Numbers = std::vector<std::int64_t>;
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
}  // namespace

TEST_CASE("a grant is what fits of the costs, in their order") {
  const Grant given = grant_in_window({7, 10, 0}, {{5, 1}, {1, 2}, {2, 1}});
  CHECK(given.granted == Numbers{0, 2, 0});
  CHECK(given.total == 2);
  CHECK(grant_in_window({0, 10, 0}, {{3, 2}, {2, 3}, {1, 5}}).granted == Numbers{2, 2, 0});
  CHECK(grant_in_window({10, 10, 5}, {{1, 1}}).total == 0);
}

TEST_CASE("a lease is a quarter of what the costs leave, at most") {
  CHECK(grant_in_window({0, 100, 10}, {{1, 1}}).leased == 10);
  CHECK(grant_in_window({0, 100, 10}, {{1, 1}}).total == 11);
  CHECK(grant_in_window({11, 100, 1000}, {{1, 1}}).leased == 22);
  CHECK(grant_in_window({34, 100, 1000}, {{1, 63}}).leased == 0);
  CHECK(grant_in_window({0, 8, 1}, {}).leased == 1);
}

TEST_CASE("what is in hand is put towards the costs before the counter is") {
  // 30 in hand and 20 left.
  CHECK(grant_in_window({80, 100, 0, 30}, {{45, 1}}).total == 15);
  CHECK(grant_in_window({80, 100, 0, 30}, {{51, 1}}).granted == Numbers{0});
  CHECK(grant_in_window({80, 100, 0, 30}, {{51, 1}, {50, 1}}).granted == Numbers{0, 1});
  CHECK(grant_in_window({80, 100, 0, 30}, {{7, 1}}).total == 0);
  // The lease is of what the counter has left, never of what is in hand.
  CHECK(grant_in_window({80, 100, 50, 30}, {{7, 1}}).leased == 5);
  CHECK(grant_in_window({80, 100, 50, 30}, {{42, 1}}).leased == 2);
  // A counter that was pushed beyond the limit eats nothing of it.
  CHECK(grant_in_window({140, 100, 0, 5}, {{1, 7}}).granted == Numbers{5});
  CHECK(grant_in_window({140, 100, 0, 5}, {{1, 7}}).total == 0);
}

TEST_CASE("nothing is leased beside a refusal") {
  CHECK(grant_in_window({1, 5000, 1000}, {{5000, 1}}).total == 0);
  CHECK(grant_in_window({1, 5000, 1000}, {{5000, 1}, {9, 1}}).total == 9);
}

TEST_CASE("counters above the limit and below zero have nothing left") {
  for (const std::int64_t counter :
       {kLeast, kLeast + 1, std::int64_t{-1}, std::int64_t{11}, kMost}) {
    const Grant given = grant_in_window({counter, 10, 4}, {{1, 3}});
    CHECK(given.granted == Numbers{0});
    CHECK(given.total == 0);
  }
}

// Compiled with UndefinedBehaviorSanitizer in a part of the tests.
TEST_CASE("no number overflows a grant, and none grants more than is left") {
  std::minstd_rand random(1);
  const Numbers edges{kLeast,    kLeast + 1, -(1LL << 53), -1,        0,         1,
                      2,         7,          1000,         1LL << 31, 1LL << 53, (1LL << 53) + 1,
                      kMost / 4, kMost / 2,  kMost - 1,    kMost};
  const auto any = [&] { return edges[random() % edges.size()]; };
  for (int i = 0; i < 50'000; ++i) {
    const std::int64_t counter = any();
    const std::int64_t limit = any();
    CostRuns costs;
    for (auto runs = random() % 4; runs > 0; --runs) costs.push_back({any(), any()});
    const std::int64_t in_hand = any();
    const Grant given = grant_in_window({counter, limit, any(), in_hand}, costs);
    const std::int64_t left = counter >= 0 && counter < limit ? limit - counter : 0;
    REQUIRE(given.total >= given.leased);
    REQUIRE(given.leased >= 0);
    REQUIRE(given.total <= left);
    REQUIRE(given.granted.size() == costs.size());
    for (std::size_t run = 0; run < costs.size(); ++run) {
      REQUIRE(given.granted[run] >= 0);
      REQUIRE(given.granted[run] <= std::max<std::int64_t>(0, costs[run].count));
    }
  }
}
