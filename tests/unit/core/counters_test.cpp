// Finding counters among many that come and go, and keys of any length.
#include "daemon/core/counters.hpp"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
LimitUsePtr limit_use() { return std::make_shared<LimitUse>(std::make_shared<const Limit>()); }
const auto kKeep = [](Counter&, bool) { return false; };

// Each new counter has two others looked at: so many that all that there were are.
void look_at_all(Counters& counters, const Counters::MayForget& may_forget) {
  for (int i = 0; i < 8; ++i) counters.find_or_add(limit_use(), "new", ShardId{0}, may_forget);
}
}  // namespace

TEST_CASE("an index finds what is in it, and nothing else") {
  // Hashes of few values, at the end of the table, too: searches meet, and wrap around.
  std::minstd_rand random(7);
  CounterIndex index;
  std::map<CounterId, std::uint32_t> hash_of;
  for (std::uint32_t n = 0; n < 20'000; ++n) {
    const auto slot = CounterId{static_cast<std::uint32_t>(random() % 500)};
    const auto known = hash_of.find(slot);
    if (known != hash_of.end()) {
      index.erase(known->second, slot);
      hash_of.erase(known);
    } else {
      const auto hash = static_cast<std::uint32_t>(random() % 40) - 20;
      index.insert(hash, slot);
      hash_of[slot] = hash;
    }
    REQUIRE(index.size() == hash_of.size());
    const auto other = CounterId{static_cast<std::uint32_t>(random() % 500)};
    const auto there = hash_of.find(other);
    const std::uint32_t hash = there == hash_of.end() ? 5 : there->second;
    const auto found = index.find(hash, [&](CounterId at) { return at == other; });
    REQUIRE(found == (there == hash_of.end() ? CounterId{} : other));
  }
}

TEST_CASE("keys of every length are kept apart") {
  Counters counters({1, 2});
  const auto use = limit_use();
  std::map<std::string, CounterId> slots;
  for (std::size_t length = 0; length <= 300; ++length) {
    const std::string key(length, 'x');
    slots[key] = counters.find_or_add(use, key, ShardId{0}, kKeep);
    CHECK(counters[slots[key]].key.view() == key);
  }
  CHECK(counters.size() == 301);
  for (const auto& [key, slot] : slots) {
    CHECK(counters.find_or_add(use, key, ShardId{0}, kKeep) == slot);
  }
  CHECK(counters.find_or_add(limit_use(), "x", ShardId{0}, kKeep) != slots["x"]);
}

TEST_CASE("a limit is held for as long as it has counters") {
  Counters counters({1, 2});
  const auto use = limit_use();
  counters.find_or_add(use, "a", ShardId{0}, kKeep);
  counters.find_or_add(use, "a key of more than fifteen bytes", ShardId{0}, kKeep);
  CHECK(use.use_count() == 2);
  look_at_all(counters, [](Counter& counter, bool) { return counter.key.view() == "a"; });
  CHECK(counters.size() == 1 + 8);
  CHECK(use.use_count() == 2);
  look_at_all(counters, [](Counter&, bool) { return true; });
  CHECK(use.use_count() == 1);
}

TEST_CASE("a counter for which checks wait is not forgotten") {
  Counters counters({1, 2});
  Waiters waiters;
  const auto use = limit_use();
  const CounterId id = counters.find_or_add(use, "a", ShardId{0}, kKeep);
  Waiters::List& due = counters.make_line(id).due;
  const WaiterId waiter = waiters.add(due, Waiter{});
  look_at_all(counters, [](Counter&, bool) { return true; });
  CHECK(use.use_count() == 2);
  waiters.remove(due, waiter.place);
  counters.ended_line(counters[id]);
  CHECK(counters.line(counters[id]) == nullptr);
  look_at_all(counters, [](Counter&, bool) { return true; });
  CHECK(use.use_count() == 1);
}

TEST_CASE("runs of costs, one or many") {
  CostRuns runs;
  CHECK(runs.empty());
  runs.push_back({3, 4});
  CHECK((runs.size() == 1 && runs.front().cost == 3 && runs.back().count == 4));
  ++runs.back().count;
  runs.push_back({1, 1});
  runs.push_back({2, 1});
  const CostRuns copy = runs;
  std::int64_t permits = 0;
  for (const CostRun& run : copy) permits += run.cost * run.count;
  CHECK((copy.size() == 3 && permits == 18 && copy[0].count == 5 && copy.back().cost == 2));
  runs.clear();
  CHECK((runs.empty() && runs.begin() == runs.end()));
}
