#include "daemon/limit/limit_table.hpp"

#include <string>
#include <vector>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
Limit limit(std::string name, std::int64_t permits) {
  Limit result = declared_limit(name, {permits, 1000}, true);
  result.declared = false;
  return result;
}
}  // namespace

TEST_CASE("a limit that a reload does not change keeps its identity, another does not") {
  LimitTable table(10);
  table.configure({limit("a", 1), limit("b", 2)}, 0);
  const auto a = table.configured("a");
  const auto b = table.configured("b");
  table.configure({limit("a", 1), limit("b", 3), limit("c", 4)}, 0);
  CHECK(table.configured("a") == a);
  CHECK(table.configured("b") != b);
  CHECK(table.configured("b")->limit->permits == 3);
  CHECK(table.configured_count() == 3);
  table.configure({}, 0);
  CHECK(table.configured("a") == nullptr);
}

TEST_CASE("a limit whose counters have other names knows since when, through later reloads") {
  LimitTable table(10);
  table.configure({limit("a", 1), limit("b", 1)}, 0);
  Limit moved = limit("a", 1);
  moved.redis_key = *KeyTemplate::parse("other:%n:%w");
  CHECK(table.configure({moved, limit("b", 2)}, 5000).moved == std::vector<std::string>{"a"});
  CHECK(table.configured("a")->moved_ms == 5000);
  CHECK(table.configured("b")->moved_ms < 0);
  moved.permits = 7;
  CHECK(table.configure({moved}, 6000).moved.empty());
  CHECK(table.configured("a")->moved_ms == 5000);
}

TEST_CASE("a limit whose keys become addresses, or other networks, has other counters") {
  LimitTable table(10);
  Limit one = limit("a", 100);
  table.configure({one}, 0);
  CHECK(table.configured("a")->is_shared());
  one.key = KeyKind::Ip;
  CHECK(table.configure({one}, 5000).moved == std::vector<std::string>{"a"});
  CHECK(table.configured("a")->moved_ms == 5000);
  CHECK(table.configured("a")->leased);
  CHECK_FALSE(table.configured("a")->is_shared());
  one.prefixes.ipv6 = 56;
  CHECK(table.configure({one}, 6000).moved == std::vector<std::string>{"a"});
  CHECK(table.configure({one}, 7000).moved.empty());
  CHECK(table.configured("a")->moved_ms == 6000);
}

TEST_CASE("a limit of another period begins anew, which is told") {
  LimitTable table(10);
  Limit hour = limit("a", 1);
  table.configure({hour, limit("b", 1)}, 0);
  hour.period_ms *= 2;
  const auto change = table.configure({hour, limit("b", 2)}, 5000);
  CHECK(change.anew == std::vector<std::string>{"a"});
  CHECK(change.moved.empty());
}

TEST_CASE("declarations are bounded; rather one that no counter is of makes room") {
  LimitTable table(2);
  auto a = table.declared("a", {1, 1000}, false);
  CHECK(table.declared("a", {1, 1000}, false) == a);
  CHECK(table.declared("a", {1, 2000}, false) != a);
  CHECK(table.declared_count() == 2);
  // a is in use, the other is not: it goes.
  auto b = table.declared("b", {1, 1000}, false);
  CHECK(table.declared("a", {1, 1000}, false) == a);
  CHECK(table.gave_way() == 0);
  b.reset();
  const auto c = table.declared("c", {1, 1000}, false);
  CHECK(table.declared("a", {1, 1000}, false) == a);
  CHECK(table.declared_count() == 2);
}

TEST_CASE("where all declared limits are in use the one longest unused gives way") {
  LimitTable table(100);
  std::vector<LimitUsePtr> held;
  for (int i = 0; i < 100; ++i)
    held.push_back(table.declared("x" + std::to_string(i), {1, 1000}, false));
  CHECK(table.declared("x0", {1, 1000}, false) == held[0]);
  const auto fresh = table.declared("fresh", {1, 1000}, false);
  REQUIRE(fresh != nullptr);
  CHECK(table.gave_way() == 1);
  CHECK(table.declared_count() == 100);
  CHECK(table.declared("x0", {1, 1000}, false) == held[0]);
  CHECK(table.declared("x2", {1, 1000}, false) == held[2]);
  // It was x1, which somebody still holds, a counter maybe: whoever declares it again gets it back.
  CHECK(table.declared("x1", {1, 1000}, false) == held[1]);
  CHECK(table.declared_count() == 100);
  // Of one that nobody held nothing is known.
  const std::uint64_t rule = held[2]->rule;
  held[2].reset();
  for (int i = 0; i < 300; ++i) table.declared("y" + std::to_string(i), {1, 1000}, false);
  CHECK(table.declared("x2", {1, 1000}, false)->rule != rule);
}

TEST_CASE("a declared limit that gave way is dropped where a configured one takes its name") {
  LimitTable table(1);
  const auto held = table.declared("x", {1, 1000}, false);
  table.declared("y", {1, 1000}, false);
  CHECK_FALSE(held->dropped);
  CHECK(table.configure({limit("x", 5)}, 0).dropped);
  CHECK(held->dropped);
}

TEST_CASE("the recipe's counter and a keyed limit of that name are two limits") {
  LimitTable table(10);
  CHECK(table.declared("rate-limit", {5, 1000}, false) !=
        table.declared("rate-limit", {5, 1000}, true));
  CHECK(table.declared("x", {5, 1000}, false) == table.declared("x", {5, 1000}, true));
}

TEST_CASE("names that are near in the alphabet are so many at most") {
  LimitTable table(1);
  CHECK(table.names_near("x", 4).empty());
  std::vector<Limit> limits;
  for (char c = 'b'; c <= 'z'; ++c) limits.push_back(limit(std::string(3, c), 1));
  table.configure(limits, 0);
  using Names = std::vector<std::string_view>;
  CHECK(table.names_near("a", 4) == Names{"bbb", "ccc", "ddd", "eee"});
  CHECK(table.names_near("mm", 4) == Names{"kkk", "lll", "mmm", "nnn"});
  CHECK(table.names_near("zzzz", 4) == Names{"yyy", "zzz"});
}

TEST_CASE("names that no limit has are counted by the limit for them, where there is one") {
  LimitTable table(2);
  table.configure({limit("a", 1)}, 0);
  CHECK(table.unnamed("x") == nullptr);
  table.configure({limit("a", 1), limit("*", 5)}, 0);
  const LimitUsePtr x = table.unnamed("x");
  REQUIRE(x != nullptr);
  CHECK((x->limit->name == "x" && x->limit->permits == 5 && !x->limit->declared));
  CHECK(table.unnamed("x") == x);
  CHECK(table.unnamed("y")->rule != x->rule);
  CHECK(table.configured("x") == nullptr);
  CHECK(table.all().size() == 4);
  // Beyond the most that are kept one that nothing is of gives way.
  table.unnamed("z");
  CHECK(table.all().size() == 4);
  CHECK(table.gave_way() == 0);
}

TEST_CASE("a reload drops names that have a limit of their own by then, or another default") {
  LimitTable table(10);
  table.configure({limit("*", 5)}, 0);
  const LimitUsePtr x = table.unnamed("x");
  const LimitUsePtr y = table.unnamed("y");
  CHECK(table.configure({limit("*", 5), limit("x", 9)}, 0).dropped);
  CHECK((x->dropped && !y->dropped));
  CHECK(table.unnamed("y") == y);
  CHECK(table.configure({limit("*", 6)}, 0).dropped);
  CHECK(y->dropped);
  CHECK(table.unnamed("y")->limit->permits == 6);
  Limit moved = limit("*", 6);
  moved.redis_key = *KeyTemplate::parse("other:%n:%k:%w");
  table.configure({moved}, 5000);
  CHECK(table.unnamed("y")->moved_ms == 5000);
  table.configure({}, 0);
  CHECK(table.unnamed("y") == nullptr);
}
