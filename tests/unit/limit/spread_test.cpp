#include "daemon/limit/spread.hpp"

#include <set>
#include <string>

#include "daemon/base/hash_slot.hpp"
#include "daemon/limit/limit_table.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

Limit spread_limit(std::int64_t permits, std::int64_t spread) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.declared = false;
  limit.spread = spread;
  return limit;
}

std::int64_t sum_of(const std::vector<Limit>& subs) {
  std::int64_t sum = 0;
  for (const Limit& sub : subs) sum += sub.permits;
  return sum;
}

}  // namespace

TEST_CASE("the counters of a limit that is spread have its permits together, about as many each") {
  for (const std::int64_t spread : {2, 3, 7, 16}) {
    for (const std::int64_t permits : {16, 17, 100, 12'345, 1'000'000'000}) {
      const Limit limit = spread_limit(permits, spread);
      const std::vector<Limit> subs = sub_limits_of(limit);
      REQUIRE(subs.size() == static_cast<std::size_t>(spread));
      CHECK(sum_of(subs) == permits);
      CHECK(subs.front().permits - subs.back().permits <= 1);
      CHECK(subs.back().permits == most_cost(limit));
    }
  }
}

TEST_CASE("each of them is in its part of the slots, in all windows, and is no other key's") {
  std::set<std::string> names;
  for (const std::size_t spread : {2U, 3U, 16U}) {
    for (const Limit& sub : sub_limits_of(spread_limit(100, static_cast<std::int64_t>(spread)))) {
      const CounterNames counters(sub.redis_key, sub.name, sub.period_ms, sub.sub);
      for (const char* key : {"k", "k:0", "k:1", "", "a%longer key"}) {
        const std::string name = counters.of(key, 1000);
        const std::size_t part = slot_of_key(name) * spread / kHashSlots;
        CHECK(part == static_cast<std::size_t>(sub.sub.number));
        CHECK(slot_of_key(name) == slot_of_key(counters.of(key, 9000)));
        if (spread == 16) names.insert(name);
      }
    }
  }
  CHECK(names.size() == 5 * 16);
  Limit own = spread_limit(4, 2);
  own.redis_key = *KeyTemplate::parse("a:%p:{%n}:%w:{x}");
  const Limit sub = sub_limits_of(own)[1];
  const std::string name = CounterNames(sub.redis_key, sub.name, 1000, sub.sub).of("", 5000);
  CHECK(name.starts_with("a:1s:{api:1"));
  CHECK(name.ends_with("}:5:{x}"));
}

TEST_CASE("hosts go through the counters of a limit in different orders, and count in the same") {
  std::set<std::int64_t> firsts;
  for (std::uint64_t host = 0; host < 3; ++host) {
    LimitTable table(1, host);
    table.configure({spread_limit(7, 3)}, 0);  // 3, 2 and 2
    const LimitUsePtr use = table.configured("api");
    REQUIRE(use->subs.size() == 3);
    CHECK_FALSE(use->leased);
    std::int64_t after = 7;
    for (const LimitUsePtr& sub : use->subs) {
      CHECK(sub->spread_of.lock() == use);
      CHECK(sub->shown->permits == 7);
      CHECK((sub->permits_after) == (after -= sub->limit->permits));
    }
    firsts.insert(use->subs.front()->limit->sub.number);
  }
  CHECK(firsts.size() == 3);
}

TEST_CASE("a limit that a reload spreads has its counters elsewhere, and gives up what it held") {
  LimitTable table(1);
  table.configure({spread_limit(10, 1)}, 0);
  const LimitUsePtr before = table.configured("api");
  CHECK(table.configure({spread_limit(10, 2)}, 5000).moved == std::vector<std::string>{"api"});
  CHECK(before->dropped);
  const LimitUsePtr use = table.configured("api");
  CHECK(use->subs[1]->moved_ms == 5000);
  CHECK(table.configure({spread_limit(12, 2)}, 6000).moved.empty());
  CHECK(use->subs[0]->dropped);
  CHECK(table.configured("api")->subs[0]->moved_ms == 5000);
  use->subs[0]->tally->denied = 2;
  use->tally->denied = 1;
  CHECK(use->in_all(&LimitTally::denied) == 3);
  CHECK(use->in_all(&LimitTally::allowed) == 0);
}
