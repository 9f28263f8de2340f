// The library with a daemon that shares memory, and limits of which a check has to keep several.
#include <string>
#include <utility>
#include <vector>

#include "tests/library/shm_fixture.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

namespace {

constexpr std::int64_t kLongRule = 8;
constexpr std::int64_t kLongMs = 7 * kPeriodMs;

// What RESOLVE answers of a limit with two windows.
std::string two_windows(bool second_is_shared = true, bool second_has_keys = true) {
  const std::string first = rule_answer(kRule, 1000, kPeriodMs);
  const std::string second =
      rule_answer(kLongRule, 5000, kLongMs, second_is_shared, second_has_keys);
  return "*16\r\n" + first.substr(4) + second.substr(4);
}

struct Members : Fixture {
  explicit Members(std::string answer = two_windows()) {
    shared.resolve = [answer = std::move(answer)](const Words&) { return answer; };
  }
  // Seven hours, the first of which is the one that is in its middle.
  std::int64_t long_end_ms = (end_ms / kLongMs + 1) * kLongMs;
  rg_slot* pool_of(std::int64_t permits, std::uint32_t low_water = 0) {
    rg_slot* slot = segment.give(kRule, {}, 1000);
    Segment::put(slot, end_ms, permits, false, 0, low_water);
    return slot;
  }
  rg_slot* long_pool(std::int64_t permits, bool exhausted = false, std::string_view key = {}) {
    rg_slot* slot = segment.give(kLongRule, key, 5000);
    Segment::put(slot, long_end_ms, permits, exhausted);
    return slot;
  }
};

}  // namespace

TEST_CASE("a limit with several windows is decided in place") {
  Members f;
  rg_slot* const first = f.pool_of(10);
  rg_slot* const second = f.long_pool(4, true);
  rategate_limit* const limit = f.attached();
  const Outcome allowed = check(limit, {}, 3);
  REQUIRE(in_place(allowed));
  CHECK(allowed.decision.allowed == 1);
  CHECK(allowed.decision.limit == 5000);  // 1 of 5000 is less than 7 of 1000
  CHECK(allowed.decision.remaining == 1);
  CHECK(allowed.decision.retry_after_ms == 0);
  CHECK(allowed.decision.window_end_ms == f.end_ms);  // the one that ends first
  CHECK(Segment::permits(first) == 7);
  CHECK(Segment::permits(second) == 1);
  const Outcome denied = check(limit, {}, 2);
  REQUIRE(in_place(denied));
  CHECK(denied.decision.allowed == 0);
  CHECK(denied.decision.reason == RATEGATE_OVER_LIMIT);
  CHECK(denied.decision.limit == 5000);
  CHECK(denied.decision.retry_after_ms > 0);
  CHECK(denied.decision.window_end_ms == 0);
  CHECK(Segment::permits(first) == 7);
  CHECK(f.shared.checked == 1);
  CHECK(f.shared.resolved == 1);
}

TEST_CASE("where one window lies elsewhere the daemon decides") {
  Members f(two_windows(false));
  rg_slot* const first = f.pool_of(10);
  f.long_pool(4);
  rategate_limit* const limit = f.attached();
  CHECK(by_daemon(check(limit)));
  CHECK(Segment::permits(first) == 10);
}

TEST_CASE("each window is found by the key, or by none") {
  Members f(two_windows(true, false));
  rg_slot* const first = f.segment.give(kRule, "alice", 1000);
  Segment::put(first, f.end_ms, 10);
  rg_slot* const second = f.long_pool(20);
  rategate_limit* const limit = f.attached("alice");
  CHECK(in_place(check(limit, "alice", 2)));
  CHECK(in_place(check(limit, "alice", 2)));
  CHECK(Segment::permits(first) == 6);
  CHECK(Segment::permits(second) == 16);
  CHECK(by_daemon(check(limit, "bob")));
  CHECK(Segment::permits(second) == 16);
}

TEST_CASE("an answer to RESOLVE that makes no sense leaves checks to the daemon") {
  const std::string one = rule_answer(kRule, 1000, kPeriodMs).substr(4);
  std::string nine = "*72\r\n";
  for (int i = 0; i < 9; ++i) nine += one;
  for (const std::string& answer :
       {std::string("*9\r\n") + one + ":1\r\n", nine, std::string("*0\r\n"),
        "*16\r\n" + one + rule_answer(kLongRule, 0, kLongMs).substr(4)}) {
    Members f(answer);
    rg_slot* const first = f.pool_of(10);
    f.long_pool(4);
    rategate_limit* const limit = f.attached();
    CHECK(by_daemon(check(limit)));
    CHECK(Segment::permits(first) == 10);
  }
}

TEST_CASE("a pool that runs low is told of, by each window") {
  Members f;
  rg_slot* const first = f.pool_of(10, 10);
  rg_slot* const second = f.segment.give(kLongRule, {}, 5000);
  Segment::put(second, f.long_end_ms, 50, false, 0, 50);
  rategate_limit* const limit = f.attached();
  REQUIRE(in_place(check(limit)));
  const std::vector<std::uint32_t> nudged = f.segment.nudged();
  REQUIRE(nudged.size() == 2);
  CHECK(nudged[0] == f.segment.number_of(first));
  CHECK(nudged[1] == f.segment.number_of(second));
}

TEST_CASE("rategate_check_all is decided in place once each limit has been resolved") {
  Members f;
  f.shared.resolve = [](const Words& words) {
    return words[1] == "short" ? rule_answer(kRule, 1000, kPeriodMs) : two_windows();
  };
  f.shared.decide = [](const Words&) {
    return std::string("*7\r\n:1\r\n:1\r\n:100\r\n:4242\r\n:0\r\n:412\r\n:0\r\n");
  };
  rg_slot* const alone = f.segment.give(kRule, "alice", 1000);
  Segment::put(alone, f.end_ms, 20);
  rg_slot* const first = f.pool_of(10);
  rg_slot* const second = f.long_pool(6, true);
  const rategate_member members[] = {{f.client->limit("short"), "alice", 5, 2},
                                     {f.client->limit("both"), nullptr, 0, 3}};
  rategate_decision decision{};
  std::size_t named = 99;
  const auto ask = [&] { return rategate_check_all(members, 2, &decision, &named, nullptr); };
  REQUIRE(ask() == 0);
  CHECK(decision.remaining == kByDaemon);
  CHECK(decision.decided_ns == 0);
  CHECK(f.shared.resolved == 2);

  REQUIRE(ask() == 0);
  CHECK(decision.decided_ns != 0);
  CHECK(decision.allowed == 1);
  CHECK(named == 1);
  CHECK(decision.limit == 5000);
  CHECK(decision.remaining == 3);
  CHECK(decision.window_end_ms == 0);
  CHECK(Segment::permits(alone) == 18);
  CHECK(Segment::permits(first) == 7);
  CHECK(Segment::permits(second) == 3);

  REQUIRE(ask() == 0);
  REQUIRE(ask() == 0);
  CHECK(decision.allowed == 0);
  CHECK(named == 1);
  CHECK(Segment::permits(alone) == 16);
  CHECK(f.shared.checked == 1);
  CHECK(f.shared.resolved == 2);
}
