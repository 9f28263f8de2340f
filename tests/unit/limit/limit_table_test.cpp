#include "daemon/limit/limit_table.hpp"

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

TEST_CASE("declarations are bounded; one that nothing lives in makes room") {
  LimitTable table(2);
  auto a = table.declared("a", {1, 1000}, false);
  CHECK(table.declared("a", {1, 1000}, false) == a);
  CHECK(table.declared("a", {1, 2000}, false) != a);
  CHECK(table.declared_count() == 2);
  // a is in use, the other is not: it goes.
  const auto b = table.declared("b", {1, 1000}, false);
  REQUIRE(b != nullptr);
  CHECK(table.declared("a", {1, 1000}, false) == a);
  CHECK(table.declared("c", {1, 1000}, false) == nullptr);
  a.reset();
  CHECK(table.declared("c", {1, 1000}, false) != nullptr);
  CHECK(table.declared_count() == 2);
}

TEST_CASE("the recipe's counter and a keyed limit of that name are two limits") {
  LimitTable table(10);
  CHECK(table.declared("rate-limit", {5, 1000}, false) !=
        table.declared("rate-limit", {5, 1000}, true));
  CHECK(table.declared("x", {5, 1000}, false) == table.declared("x", {5, 1000}, true));
}
