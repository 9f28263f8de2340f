// Combined checks that are decided by one call of the store's script: all of its members pay, or no
// counter has changed.
#include "tests/unit/core/combining.hpp"

namespace rategate::test {
namespace {

// Two windows of one name, which have one hash tag.
struct Login {
  LimitUsePtr second, hour;
  explicit Login(std::int64_t of_second = 3, std::int64_t of_hour = 10)
      : second(window("login", {of_second, 1000})), hour(window("login", {of_hour, 3'600'000})) {}
};

struct Grouping : Combining {
  // What another host takes.
  void take(const LimitUsePtr& limit, std::int64_t permits) {
    Reservation theirs;
    theirs.window = limit->place({store_time(), store_time()}).window;
    theirs.counter = limit->names.of("k", theirs.window.start_ms);
    theirs.limit = limit->limit->permits;
    theirs.expire_at_ms = theirs.window.end_ms + 1000;
    theirs.costs = {{permits, 1}};
    REQUIRE(store.reserve(theirs, store_time()).granted.front() == 1);
  }
  // What another host clears.
  void clear(const LimitUsePtr& limit) {
    Clear clear;
    clear.window = limit->place({store_time(), store_time()}).window;
    clear.counter = limit->names.of("k", clear.window.start_ms);
    clear.mark = 77;
    clear.expire_at_ms = clear.window.end_ms + 1000;
    REQUIRE(store.clear(clear, store_time()).status == ClearAnswer::Status::Done);
  }
  void check_counted(const Login& login, std::int64_t of_second, std::int64_t of_hour) {
    CHECK(counted(login.second) == of_second);
    CHECK(counted(login.hour) == of_hour);
    CHECK(gate.waiting() == 0);
    check_books(gate);
  }
};

}  // namespace

TEST_CASE("members of one tag are asked for together") {
  Grouping bench;
  const Login login;
  REQUIRE(bench.ask({login.second, login.hour}, 2).waits);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 2);
  CHECK((asked[0].group != 0 && asked[0].group == asked[1].group));
  CHECK((asked[0].lease == 0 && asked[1].lease == 0));
  bench.reply_all(asked);
  const auto told = bench.answers();
  REQUIRE(told.size() == 1);
  CHECK((told.front().decision.allowed && told.front().decision.receipt == kStart / 1000 + 1000));
  bench.check_counted(login, 2, 2);
}

TEST_CASE("who is denied by one window is charged by none") {
  Grouping bench;
  const Login login;
  bench.take(login.second, 2);
  for (int i = 0; i < 3; ++i) {
    const Decision denied = bench.decided({login.hour, login.second}, 2);
    CHECK((!denied.allowed && denied.member == 1 && denied.remaining == 1));
    CHECK((denied.reason == Reason::OverLimit && denied.receipt == 0));
  }
  CHECK(bench.gate.take_release({0}) == std::nullopt);
  bench.check_counted(login, 2, 0);
}

TEST_CASE("of those that deny in one answer the one that does so for longest is named") {
  Grouping bench;
  const Login login;
  bench.take(login.second, 2);
  bench.take(login.hour, 9);
  const Decision denied = bench.decided({login.second, login.hour}, 2);
  CHECK((!denied.allowed && denied.member == 1 && denied.retry_after_ms > 1000));
  CHECK(bench.decided({login.second, login.hour}, 1).allowed);
  bench.check_counted(login, 3, 10);
}

TEST_CASE("checks of the same members are one call, and as many of them granted as fit") {
  Grouping bench;
  const Login login(3, 2);
  for (int i = 0; i < 5; ++i) REQUIRE(bench.ask({login.second, login.hour}).waits);
  REQUIRE(bench.ask({login.second, login.hour}, 2).waits);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 2);
  CHECK((asked[0].costs.size() == 1 && asked[0].costs.front().count == 5));
  bench.reply_all(asked);
  const auto told = bench.answers();
  REQUIRE(told.size() == 6);  // who costs more is denied by what is known now
  for (const Answer& answer : told) CHECK(answer.decision.allowed == (answer.ticket <= 2));
  bench.check_counted(login, 2, 2);
}

TEST_CASE("buckets and sliding windows are decided with windows") {
  Grouping bench;
  const auto hour = window("login", {10, 3'600'000});
  const auto full = bucket("login", 3);
  const auto log = sliding("login", {2, 60'000});
  REQUIRE(bench.ask({full, hour, log}, 2).waits);
  const auto asked = bench.asked();
  REQUIRE((asked.size() == 3 && asked[2].group == asked[0].group));
  CHECK((!asked[0].bucket && asked[1].bucket && asked[2].bucket));
  bench.reply_all(asked);
  CHECK(bench.allowed() == 1);
  CHECK_FALSE(bench.decided({full, hour, log}, 1).allowed);
  CHECK(bench.counted(hour) == 2);
  CHECK(bench.decided({full}).allowed);
  check_books(bench.gate);
}

TEST_CASE("one whose window is over when the answer comes pays anew, and the others do not") {
  Grouping bench;
  const Login login;
  bench.now = Mono{900'000};
  bench.measure();
  REQUIRE(bench.ask({login.second, login.hour}).waits);
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 2);
  std::vector<ReserveAnswer> granted;
  for (const Reservation& each : asked) {
    granted.push_back(bench.store.reserve(each, bench.store_time()));
  }
  bench.now = Mono{1'010'000};
  bench.measure();
  for (std::size_t i = 0; i < 2; ++i)
    bench.gate.answered(asked[i].id, granted[i], bench.now, i == 0);
  CHECK(bench.answers().empty());
  bench.serve();
  CHECK(bench.allowed() == 1);
  bench.check_counted(login, 1, 1);
}

TEST_CASE("who was denied in a window that is over by then is asked for again, together") {
  for (const bool by_the_store : {false, true}) {
    Grouping bench;
    const Login login;
    bench.take(login.second, 3);
    bench.now = Mono{950'000};
    bench.measure();
    REQUIRE(bench.ask({login.second, login.hour}).waits);
    auto asked = bench.asked();
    REQUIRE(asked.size() == 2);
    const Mono later{1'010'000};
    if (by_the_store) bench.now = later;  // the store looks at it when its window is over
    std::vector<ReserveAnswer> denied;
    reserve_all(
        asked,
        [&](const Reservation& each) { return bench.store.reserve(each, bench.store_time()); },
        denied);
    bench.now = later;
    bench.measure();
    for (std::size_t i = 0; i < 2; ++i) {
      bench.gate.answered(asked[i].id, denied[i], bench.now, i == 0);
    }
    CHECK(bench.answers().empty());
    asked = bench.asked();
    REQUIRE((asked.size() == 2 && asked[0].group != 0));
    bench.reply_all(asked);
    CHECK(bench.allowed() == 1);
    bench.check_counted(login, 1, 1);
  }
}

TEST_CASE("a counter that another host has cleared is asked for once more") {
  Grouping bench;
  const Login login(5, 5);
  REQUIRE(bench.decided({login.second, login.hour}, 3).allowed);
  bench.clear(login.hour);
  CHECK(bench.decided({login.second, login.hour}, 2).allowed);
  bench.check_counted(login, 5, 2);
}

TEST_CASE("a counter that was lost denies, and the others are not charged") {
  Grouping bench;
  const Login login(5, 5);
  REQUIRE(bench.decided({login.second, login.hour}, 3).allowed);
  bench.store = MemoryCounters();  // FLUSHALL
  bench.take(login.second, 3);
  const Decision denied = bench.decided({login.second, login.hour}, 1);
  CHECK((!denied.allowed && denied.member == 1 && denied.reason == Reason::StoreAway));
  CHECK(bench.counted(login.second) == 3);
  check_books(bench.gate);
}

TEST_CASE("what an answer was lost to is asked for again, together") {
  Grouping bench;
  const Login login;
  REQUIRE(bench.ask({login.second, login.hour}).waits);
  REQUIRE(bench.asked().size() == 2);
  bench.gate.store_connecting({0}, bench.now);
  bench.up();
  const auto asked = bench.asked();
  REQUIRE((asked.size() == 2 && asked[0].group != 0 && asked[1].group == asked[0].group));
  bench.reply_all(asked);
  CHECK(bench.allowed() == 1);
  bench.check_counted(login, 1, 1);
}

TEST_CASE("what comes after the deadline goes back, as it does for who has gone") {
  for (const bool goes : {false, true}) {
    Grouping bench;
    const Login login;
    const CheckResult waits = bench.ask({login.second, login.hour});
    const auto asked = bench.asked();
    REQUIRE(asked.size() == 2);
    if (goes) bench.gate.abandon(waits.waiter);
    bench.now = after(bench.now, 250'000);
    bench.gate.turn(bench.now);
    const auto told = bench.answers();
    REQUIRE(told.size() == (goes ? 0 : 1));
    if (!goes) CHECK(told.front().decision.reason == Reason::StoreAway);
    bench.reply_all(asked);
    CHECK(bench.answers().empty());
    bench.check_counted(login, 0, 0);
  }
}

TEST_CASE("who stands before or behind them is asked for in order") {
  Grouping bench;
  const Login login;
  REQUIRE(bench.check(login.hour).waits);
  REQUIRE(bench.ask({login.second, login.hour}).waits);
  REQUIRE(bench.check(login.hour, "k", 2).waits);
  auto asked = bench.asked();
  REQUIRE((asked.size() == 1 && asked.front().group == 0));
  bench.reply_all(asked);
  CHECK(bench.allowed() == 1);
  asked = bench.asked();
  REQUIRE((asked.size() == 2 && asked.front().group != 0));
  bench.reply_all(asked);
  CHECK(bench.allowed() == 1);
  bench.serve();
  CHECK(bench.allowed() == 1);
  bench.check_counted(login, 1, 4);
}

TEST_CASE("who stands behind members of a check that has gone is asked for at once") {
  Grouping bench;
  const Login login;
  REQUIRE(bench.check(login.hour).waits);
  const auto before = bench.asked();
  REQUIRE(before.size() == 1);
  const CheckResult gone = bench.ask({login.second, login.hour});
  REQUIRE(bench.check(login.second).waits);
  CHECK(bench.asked().empty());  // the other counter is not free
  bench.gate.abandon(gone.waiter);
  const auto asked = bench.asked();
  REQUIRE((asked.size() == 1 && asked.front().group == 0));
  bench.reply_all(asked);
  bench.reply_all(before);
  CHECK(bench.allowed() == 2);
  bench.check_counted(login, 1, 1);
}

TEST_CASE("what the store refuses as a whole is asked for member by member") {
  Grouping bench;
  const Login login;
  REQUIRE(bench.ask({login.second, login.hour}).waits);
  for (const Reservation& each : bench.asked()) {
    bench.gate.failed(each.id, Failure::RefusedCall, bench.now);
  }
  const auto asked = bench.asked();
  REQUIRE(asked.size() == 2);
  for (const Reservation& each : asked) CHECK((each.alone && each.group == 0));
  bench.reply_all(asked);
  CHECK(bench.allowed() == 1);
  bench.check_counted(login, 1, 1);
}

TEST_CASE("limits of two tags, leased ones and shadows are decided member by member") {
  Limit tried = numbered("login", {5, 60'000});
  tried.shadow = true;
  for (const auto& other :
       {window("other", {5}), window("login", {1000, 60'000, Mode::Lease}), in_use(tried)}) {
    Grouping bench;
    REQUIRE(bench.ask({Login().second, other}).waits);
    for (const Reservation& each : bench.asked()) CHECK(each.group == 0);
  }
  Grouping bench;
  const Login login;
  REQUIRE(bench.ask({login.second, login.hour}, 1, false).waits);
  for (const Reservation& each : bench.asked()) CHECK(each.group == 0);
}

}  // namespace rategate::test
