// Those in ACQUIRE that wait for several limits at once: who is tried when, and what is told.
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/limit/key_uses.hpp"
#include "tests/unit/core/gate_bench.hpp"

namespace rategate::test {
namespace {

LimitUsePtr window(const std::string& name, std::int64_t permits, std::int64_t period_ms) {
  Limit limit = declared_limit(name, {permits, period_ms}, true);
  limit.mode = Mode::Exact;
  return make_limit_use(std::move(limit), 0, 0);
}

struct Acquiring : Bench {
  LimitUsePtr second = window("second", 2, 1000);
  LimitUsePtr minute = window("minute", 10, 60'000);

  CheckResult acquire(std::int64_t cost = 1, std::int64_t wait_ms = 10'000,
                      const std::string& key = "k") {
    CombinedRequest request;
    request.ticket = ++tickets;
    request.patience = after(now, wait_ms * 1000);
    for (const LimitUsePtr& limit : {second, minute}) {
      request.members.push_back({limit, key, cost, request.members.size()});
    }
    return gate.check_combined(std::move(request), now);
  }
  // The short window has nothing left for that key, and the host knows it.
  void use_up(const std::string& key = "k") {
    for (int i = 0; i < 3; ++i) {
      gate.check({second, key, 1, ++tickets}, now);
      settle();
    }
    answers();
  }
  void settle() {
    for (int turns = 0; turns < 8; ++turns) {
      serve();
      while (const auto release = gate.take_release({0})) store.release(*release, store_time());
    }
  }
  // Until the next window is open, and the line has been tried there.
  std::vector<std::uint64_t> served_next() {
    now = {(now.us / 1'000'000 + 1) * 1'000'000 + 10'000};
    measure();
    settle();
    std::vector<std::uint64_t> served;
    for (const Answer& answer : answers()) {
      if (answer.decision.allowed) served.push_back(answer.ticket);
    }
    return served;
  }
};

}  // namespace

TEST_CASE_METHOD(Acquiring, "who acquires several limits waits until all have it, in order") {
  use_up();
  std::vector<std::uint64_t> line;
  for (int i = 0; i < 4; ++i) {
    CHECK(acquire().waits);
    line.push_back(tickets);
  }
  settle();
  CHECK(gate.acquiring() == 4);
  CHECK(gate.stats().denied == 1);  // use_up()'s: a try that is denied is not told
  CHECK(served_next() == std::vector{line[0], line[1]});
  CHECK(served_next() == std::vector{line[2], line[3]});
  CHECK(gate.acquiring() == 0);
  CHECK(gate.stats().checks_abandoned == 0);
  check_books(gate);
}

TEST_CASE_METHOD(Acquiring, "the first of those who acquire is not overtaken by smaller costs") {
  use_up();
  CHECK(acquire(2).waits);
  const std::uint64_t large = tickets;
  CHECK(acquire(1).waits);
  CHECK(served_next() == std::vector{large});
  CHECK(served_next() == std::vector{large + 1});
}

TEST_CASE_METHOD(Acquiring, "who leaves the line of several limits is not served") {
  use_up();
  const WaiterId first = acquire(2).waiter;
  CHECK(acquire(2).waits);
  const std::uint64_t next = tickets;
  gate.abandon(first);
  CHECK(gate.acquiring() == 1);
  CHECK(gate.stats().checks_abandoned == 1);
  CHECK(served_next() == std::vector{next});
  check_books(gate);
}

TEST_CASE_METHOD(Acquiring, "who leaves while the store is asked for it takes nothing along") {
  const WaiterId first = acquire(2).waiter;
  const std::vector<Reservation> asked = this->asked();
  REQUIRE(asked.size() == 2);
  gate.abandon(first);
  for (const Reservation& request : asked) reply(request);
  settle();
  CHECK(answers().empty());
  CHECK(acquire(2).waits);
  settle();
  CHECK(allowed() == 1);
  check_books(gate);
}

TEST_CASE_METHOD(Acquiring, "who cannot be served in time is denied at once") {
  use_up();
  const CheckResult denied = acquire(1, 1);
  CHECK(!denied.waits);
  CHECK(denied.decision.reason == Reason::OverLimit);
  CHECK(denied.decision.retry_after_ms > 1);
  CHECK(acquire(1, 5000).waits);
  const CheckResult behind = acquire(1, 1);  // nobody is tried before
  CHECK(!behind.waits);
  CHECK(behind.decision.reason == Reason::OverLimit);
  const CheckResult never = acquire(3, 5000);
  CHECK(never.waits);  // it is tried when it is the first
  CHECK(gate.acquiring() == 2);
}

TEST_CASE_METHOD(Acquiring, "a cost that never fits is told at once where nobody waits") {
  const CheckResult never = acquire(3, 5000);
  CHECK(!never.waits);
  CHECK(never.decision.reason == Reason::NeverFits);
  CHECK(gate.acquiring() == 0);
}

TEST_CASE_METHOD(Acquiring, "who waits behind others is denied when its time is over") {
  use_up();
  CHECK(acquire(2, 60'000).waits);
  CHECK(acquire(2, 300'000).waits);
  CHECK(acquire(2, 1500).waits);
  const std::uint64_t third = tickets;
  CHECK(served_next().size() == 1);
  now = after(now, 1'500'000);
  measure();
  gate.turn(now);
  const auto told = answers();
  REQUIRE(!told.empty());
  CHECK(told.front().ticket == third);
  CHECK(!told.front().decision.allowed);
}

TEST_CASE_METHOD(Acquiring, "one turn tries a bounded number of lines") {
  constexpr int kKeys = 500;
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = std::to_string(i);
    use_up(key);
    CHECK(acquire(1, 10'000, key).waits);
  }
  settle();
  now = {(now.us / 1'000'000 + 1) * 1'000'000 + 10'000};
  measure();
  gate.turn(now);
  CHECK(gate.waiting() < kKeys + 2 * 100);  // members of those that are being tried wait as well
  for (int turns = 0; turns < 20; ++turns) settle();
  CHECK(allowed() == kKeys);
  CHECK(gate.acquiring() == 0);
}

TEST_CASE_METHOD(Acquiring, "who acquires several limits is told that the daemon stops") {
  use_up();
  CHECK(acquire().waits);
  CHECK(acquire(1, 9000, "other").waits);  // the store is asked for that one
  gate.stop(now);
  const auto told = answers();
  REQUIRE(told.size() == 2);
  for (const Answer& answer : told) CHECK(answer.verdict == Verdict::Stopping);
  CHECK(gate.acquiring() == 0);
}

TEST_CASE_METHOD(Acquiring, "who acquires several limits of which one is dropped may ask anew") {
  use_up();
  CHECK(acquire().waits);
  CHECK(acquire().waits);
  minute->dropped = true;
  gate.drop_limits(now);
  const auto told = answers();
  REQUIRE(told.size() == 2);
  for (const Answer& answer : told) {
    CHECK(!answer.decision.allowed);
    CHECK(answer.decision.retry_after_ms == 1);
  }
}

TEST_CASE_METHOD(Acquiring, "who acquires several limits is answered by policy without a store") {
  use_up();
  CHECK(acquire().waits);
  gate.store_away({0}, now);
  now = {(now.us / 1'000'000 + 1) * 1'000'000 + 10'000};
  gate.turn(now);
  const auto told = answers();
  REQUIRE(told.size() == 1);
  CHECK(told.front().decision.reason == Reason::StoreAway);
  CHECK(!told.front().decision.allowed);
}

}  // namespace rategate::test
