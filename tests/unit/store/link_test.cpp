// The life of a connection, over a transport in the test's hands; and two shards of which one
// fails.
#include "daemon/store/link.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <string>

#include "tests/unit/catch.hpp"
#include "tests/unit/store/one_link.hpp"

using namespace rategate;
using What = StoreEvent::What;

namespace {

struct One : OneLink {
  explicit One(const Gate::Options& options = {}) : OneLink({}, options) { greet(); }
};

}  // namespace

TEST_CASE("a restart is noticed, also when the first greeting after it was cut short") {
  for (int replies = 0; replies <= 5; ++replies) {
    One one;
    CHECK(one.link.state() == Link::State::Up);
    one.pass(2'000'000);
    one.transport.run_id = "two";
    one.link.closed("gone", one.transport.now);
    one.link.connected(one.transport.now);
    one.driver.pump(one.transport.now);
    for (int i = 0; i < replies && i < 4; ++i) one.transport.answer(one.link);
    one.link.closed("cut", one.transport.now);
    CHECK(one.link.state() == Link::State::Backoff);
    CHECK_FALSE(one.told.has(What::WindowsLost));
    one.pass(100'000);
    REQUIRE(one.link.state() == Link::State::Connecting);
    one.greet();
    CHECK(one.told.has(What::WindowsLost));
  }
}

TEST_CASE("a connection that is not made in time says what it waited for") {
  for (const char* awaited : {"", "a word"}) {
    One one;
    one.transport.awaited = awaited;
    one.pass(2'000'000);
    one.link.closed("gone", one.transport.now);
    REQUIRE(one.link.state() == Link::State::Connecting);
    one.pass(1'000'000);
    CHECK(one.link.state() == Link::State::Backoff);
    CHECK(one.link.status().error ==
          (*awaited == 0 ? "cannot connect in time" : "cannot connect in time: a word"));
  }
}

TEST_CASE("another history of the same process is another store") {
  One one;
  one.pass(2'000'000);
  one.transport.replid = "second";
  one.link.closed("gone", one.transport.now);
  one.greet();
  CHECK(one.told.has(What::WindowsLost));
}

TEST_CASE("a store that does not tell of which history its data are is told of") {
  One one;
  CHECK_FALSE(one.told.has(What::FailoverNotSeen));
  one.pass(2'000'000);
  one.transport.replid.clear();
  one.transport.reign.clear();
  one.link.closed("gone", one.transport.now);
  one.greet();
  CHECK(one.told.has(What::FailoverNotSeen));
  // It counts all the same.
  one.pass(2'000'000);
  one.check(exact_limit("api", 5), "a");
  one.pass(0);
  REQUIRE(one.transport.calls.size() == 1);
  one.transport.answer(one.link);
  CHECK(one.answers().size() == 1);
}

TEST_CASE("the same store after a lost connection has lost nothing") {
  One one;
  one.pass(2'000'000);
  one.link.closed("gone", one.transport.now);
  CHECK(one.told.events.back() == What::Connecting);
  one.greet();
  CHECK_FALSE(one.told.has(What::WindowsLost));
}

TEST_CASE("what the store has lost before this daemon greeted it is lost for it, too") {
  One one;
  CHECK_FALSE(one.told.has(What::WereLost));
  const auto use = exact_limit("api", 5);
  one.pass(2'000'000);
  one.transport.since = {one.transport.now.us + kStart};
  one.pass(100'000);  // in the window of that moment
  one.link.closed("gone", one.transport.now);
  one.greet();
  CHECK(one.told.has(What::WereLost));
  CHECK_FALSE(one.told.has(What::WindowsLost));
  CHECK(one.check(use, "a").decision.reason == Reason::StoreAway);
  one.pass(1'000'000);
  CHECK(one.check(use, "a").waits);
}

TEST_CASE("the store is told which history this daemon knew") {
  One one;
  one.pass(2'000'000);
  one.link.closed("gone", one.transport.now);
  one.link.connected(one.transport.now);
  one.driver.pump(one.transport.now);
  const auto reign = std::find_if(one.transport.calls.begin(), one.transport.calls.end(),
                                  [](const Call& call) { return call.kind == Call::Kind::Reign; });
  REQUIRE(reign != one.transport.calls.end());
  CHECK(reign->reign == "first 0 token");
}

TEST_CASE("a daemon that came while the store wrote no record says so") {
  OneLink one;
  one.connect();
  while (one.transport.calls.front().kind != Call::Kind::Reign) one.transport.answer(one.link);
  one.transport.refuse(one.link, "OOM command not allowed");
  CHECK(one.told.has(What::Away));
  one.transport.now = after(one.transport.now, 100'000);
  one.driver.pump(one.transport.now);
  one.connect();
  const auto reign = std::find_if(one.transport.calls.begin(), one.transport.calls.end(),
                                  [](const Call& call) { return call.kind == Call::Kind::Reign; });
  REQUIRE(reign != one.transport.calls.end());
  CHECK(reign->reign == "-");
}

TEST_CASE("reservations count when the store has said that it is still who was greeted") {
  for (const char* now_is : {"master first", "slave first", "master second", "nothing"}) {
    One one;
    const auto use = exact_limit("api", 5);
    one.pass(2'000'000);
    one.check(use, "a");
    one.pass(0);
    REQUIRE(one.transport.calls.size() == 2);
    one.transport.answer(one.link);
    CHECK(one.answers().empty());
    CHECK(one.link.holds_answers());
    const std::string_view words = now_is;
    one.transport.role = words.substr(0, words.find(' '));
    one.transport.replid = words.substr(words.find(' ') + 1);
    one.transport.answer(one.link);
    CHECK_FALSE(one.link.holds_answers());
    const bool same = words == "master first";
    CHECK(one.answers().size() == (same ? 1 : 0));
    CHECK((one.link.state() == Link::State::Up) == same);
  }
}

TEST_CASE("what too few replicas have acknowledged is as if the store had refused it") {
  Link::Options options;
  options.min_replicas = 2;
  OneLink one(options);
  one.greet();
  one.pass(2'000'000);
  const auto use = exact_limit("api", 5);
  const auto ask = [&] {
    one.check(use, "a");
    one.pass(0);
    REQUIRE(one.transport.calls.size() == 3);
    CHECK(one.transport.calls[1].kind == Call::Kind::Wait);
    CHECK(one.transport.calls[1].replicas == 2);
    one.transport.answer_all(one.link);
    const auto answers = one.answers();
    REQUIRE(answers.size() == 1);
    return answers[0].decision.reason;
  };
  CHECK(ask() == Reason::Counted);
  one.transport.follows = false;
  CHECK(ask() == Reason::StoreAway);
  CHECK(one.told.has(What::Refuses));
  CHECK(one.link.status().error == "NOREPLICAS 0 of min_replicas = 2 have acknowledged in time");
  CHECK(one.link.state() == Link::State::Up);
  one.transport.follows = true;
  CHECK(ask() == Reason::Counted);
  CHECK(one.told.has(What::Accepts));
}

TEST_CASE("who may not be asked any more who it is, is greeted anew") {
  One one;
  one.pass(2'000'000);
  one.check(exact_limit("api", 5), "a");
  one.pass(0);
  one.transport.answer(one.link);
  one.transport.refuse(one.link, "NOPERM this user has no permissions to run 'info'");
  CHECK(one.answers().empty());
  CHECK(one.link.state() == Link::State::Connecting);
}

TEST_CASE("a store whose record is another grants nothing, and its windows are lost") {
  One one;
  const auto use = exact_limit("api", 5);
  one.pass(2'000'000);
  one.check(use, "a");
  one.pass(0);
  one.transport.reign = "first 1700000002900000 other";  // flushed, and greeted by another host
  one.transport.since = {kStart + 2'900'000};
  one.transport.answer(one.link);
  CHECK(one.answers().empty());
  CHECK(one.told.events.back() == What::Connecting);
  one.greet();
  CHECK(one.told.has(What::WindowsLost));
  one.pass(0);
  CHECK(one.check(use, "a").decision.reason == Reason::StoreAway);
  one.pass(1'000'000);
  CHECK(one.check(use, "a").waits);
}

TEST_CASE("windows are lost from the moment on that the record says, not from when it is read") {
  One one;
  const auto use = exact_limit("api", 5);
  one.pass(2'000'000);
  one.transport.run_id = "two";
  one.transport.replid = "second";
  one.transport.reign = "second 1700000001000000 other";
  one.transport.since = {kStart + 1'000'000};
  one.link.closed("gone", one.transport.now);
  one.greet();
  CHECK(one.told.has(What::WindowsLost));
  CHECK(one.check(use, "a").waits);
}

TEST_CASE("silence is what makes a store away, and no answer that is merely late") {
  One one;
  const auto use = exact_limit("api", 1000);
  one.check(use, "a");
  one.pass(0);
  REQUIRE(one.reservations() == 1);
  one.pass(200'000);
  one.check(use, "b");
  one.pass(0);
  one.transport.answer(one.link);
  one.transport.answer(one.link);
  one.pass(240'000);  // the second call is 240 ms old
  CHECK(one.link.state() == Link::State::Up);
  one.pass(20'000);
  CHECK(one.link.state() == Link::State::Backoff);
  CHECK(one.told.has(What::Away));
}

// TIME is asked each 50 ms, and answered ever later: 50 ms more each time, up to twice the
// time-out.
TEST_CASE("a store whose answers come, and come too late each time, is away") {
  One one;
  std::deque<Mono> asked;
  std::int64_t trip_us = 50'000;
  Mono late_since = kNever;
  while (one.link.state() == Link::State::Up) {
    one.driver.gate().shard({0}).measure_wanted = true;
    one.pass(0);
    asked.push_back(one.transport.now);
    one.pass(50'000);
    if (one.transport.now < after(asked.front(), trip_us)) continue;
    if (trip_us >= 250'000 && late_since == kNever) late_since = one.transport.now;
    REQUIRE((late_since == kNever || one.transport.now <= after(late_since, 1'000'000)));
    one.transport.answer(one.link);
    asked.pop_front();
    trip_us = std::min<std::int64_t>(500'000, trip_us + 50'000);
  }
  REQUIRE(late_since != kNever);
  CHECK(one.link.state() == Link::State::Backoff);
  CHECK(one.link.status().error == "answers come too late");
  CHECK(one.check(exact_limit("api", 5), "k").decision.reason == Reason::StoreAway);
  // It is asked again, and serves again.
  one.pass(200'000);
  REQUIRE(one.link.state() == Link::State::Connecting);
  one.greet();
  CHECK(one.check(exact_limit("api", 5), "k").waits);
}

TEST_CASE("the back-off grows as long as nothing is answered in time") {
  One one;
  const auto use = exact_limit("api", 1000);
  std::int64_t longest_us = 0;
  for (int times = 0; times < 12; ++times) {
    for (int calls = 0; one.link.state() == Link::State::Up; ++calls) {
      one.driver.gate().shard({0}).measure_wanted = true;
      one.check(use, std::to_string(100 * times + calls));
      one.pass(249'000);
      one.driver.gate().shard({0}).measure_wanted = true;
      one.pass(1000);
      while (one.transport.calls.size() > 1) one.transport.answer(one.link);
    }
    const Mono since = one.transport.now;
    while (one.link.state() == Link::State::Backoff) one.pass(10'000);
    longest_us = std::max(longest_us, one.transport.now.us - since.us);
    one.greet();
    REQUIRE(one.link.state() == Link::State::Up);
  }
  CHECK(longest_us > 500'000);
}

TEST_CASE("the back-off grows as long as the store hangs up behind each answer") {
  Link::Options options;
  OneLink one(options);
  const LimitUsePtr use = exact_limit("api", 1'000'000);
  std::int64_t waited = 0;
  for (int round = 0; round < 12; ++round) {
    one.greet();
    one.check(use, std::to_string(round));
    one.pass(0);
    one.transport.answer_all(one.link);
    CHECK(one.answers().size() == 1);
    one.link.closed("Server closed the connection", one.transport.now);
    REQUIRE(one.link.state() == Link::State::Backoff);
    const Mono since = one.transport.now;
    while (one.link.state() == Link::State::Backoff) one.pass(10'000);
    waited = one.transport.now.us - since.us;
  }
  CHECK(waited >= options.backoff_max_us / 2);
}

TEST_CASE("nothing is composed while the last call is not out") {
  One one;
  one.transport.written = false;
  one.check(exact_limit("api", 5), "a");
  one.pass(0);
  CHECK(one.transport.calls.empty());
  one.transport.written = true;
  one.pass(0);
  CHECK(one.reservations() == 1);
}

TEST_CASE("a call that is refused is asked again, each counter alone, and once") {
  One one;
  const auto bad = exact_limit("bad", 5);
  const auto good = exact_limit("good", 5);
  one.check(bad, "k");
  one.check(good, "k");
  one.pass(0);
  REQUIRE(one.reservations() == 1);
  REQUIRE(one.transport.calls[0].reservations.size() == 2);
  one.transport.refuse(one.link, "NOPERM No permissions to access a key");
  one.transport.answer(one.link);
  one.pass(0);
  REQUIRE(one.reservations() == 2);
  one.transport.refuse(one.link, "NOPERM No permissions to access a key");
  one.transport.answer_all(one.link);
  const auto answers = one.answers();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].decision.reason == Reason::StoreAway);
  CHECK(answers[1].decision.allowed);
  CHECK(one.told.has(What::LimitRefused));
  CHECK(one.link.state() == Link::State::Up);
}

TEST_CASE("what a store refused before it was connected to anew is not its state") {
  One one;
  const auto use = exact_limit("api", 5);
  one.pass(2'000'000);
  one.check(use, "k");
  one.pass(0);
  one.transport.refuse(one.link, "OOM command not allowed when used memory > 'maxmemory'.");
  const StoreHealth& health = one.driver.gate().shard({0}).health;
  CHECK(health.refuses());
  CHECK_FALSE(one.link.status().error.empty());
  one.link.closed("gone", one.transport.now);
  one.greet();
  CHECK(one.link.state() == Link::State::Up);
  CHECK_FALSE(health.refuses());
  CHECK(one.link.status().error.empty());
}

TEST_CASE("the window of counters under way grows while answers are quick, and shrinks") {
  One one;
  const auto use = exact_limit("api", 1'000'000);
  for (int round = 0; round < 8; ++round) {
    for (int i = 0; i < 1000; ++i) one.check(use, std::to_string(round * 1000 + i));
    one.pass(0);
    while (!one.transport.calls.empty()) {
      one.transport.answer_all(one.link);
      one.pass(0);
    }
  }
  CHECK(one.link.outbox().window() == 512);
  for (int i = 0; i < 1000; ++i) one.check(use, "x" + std::to_string(i));
  one.pass(0);
  CHECK(one.link.outbox().counters_under_way() == 512);
  one.transport.now = after(one.transport.now, 200'000);
  one.transport.answer(one.link);
  CHECK(one.link.outbox().window() < 300);
}

TEST_CASE("leases get every eighth counter while checks wait") {
  One one;
  const auto cold = exact_limit("cold", 1'000'000);
  const auto hot = std::make_shared<LimitUse>(
      std::make_shared<const Limit>(declared_limit("hot", {100'000, 1000}, true)));
  for (int i = 0; i < 20; ++i) {
    one.check(hot, "h" + std::to_string(i));
    one.pass(0);
    one.transport.answer_all(one.link);
  }
  // Spent down, so that their leases want to be renewed, behind many cold keys.
  for (int i = 0; i < 500; ++i) one.check(cold, std::to_string(i));
  for (int i = 0; i < 20; ++i) {
    for (int n = 0; n < 4; ++n) one.check(hot, "h" + std::to_string(i));
  }
  one.pass(0);
  int leases = 0;
  int all = 0;
  for (const Call& call : one.transport.calls) {
    for (const Reservation& each : call.reservations) {
      ++all;
      leases += each.costs.empty() ? 1 : 0;
    }
  }
  CHECK(all == 32);
  CHECK(leases <= 4);
}

TEST_CASE("two shards whose clocks differ: one fails, the other's limits go on") {
  Gate::Options options;
  options.shards = 2;
  options.shard_of = [](const LimitUse& use, std::string_view) {
    return ShardId{static_cast<std::uint16_t>(use.limit->name == "b" ? 1 : 0)};
  };
  Told told;
  Driver driver(options, nullptr, told);
  FakeTransport first{kStart};
  FakeTransport second{kStart + 400'000};
  Link& a = driver.add({}, first);
  Link& b = driver.add({}, second);
  driver.start(first.now);
  for (auto [link, transport] : {std::pair(&a, &first), std::pair(&b, &second)}) {
    link->connected(transport->now);
    driver.pump(transport->now);
    transport->answer_all(*link);
  }
  const auto on_a = exact_limit("a", 10);
  const auto on_b = exact_limit("b", 10);
  const auto check = [&](const LimitUsePtr& use) {
    driver.gate().check({use, "k", 1, 1, 1}, first.now);
    driver.pump(first.now);
    first.answer_all(a);
    second.answer_all(b);
    return std::exchange(driver.gate().answers(), {});
  };
  const auto from_a = check(on_a);
  const auto from_b = check(on_b);
  REQUIRE((from_a.size() == 1 && from_b.size() == 1));
  // Their windows end at different moments, and drift is added to the longer time.
  const std::int64_t apart = from_a[0].decision.reset_after_ms - from_b[0].decision.reset_after_ms;
  CHECK((apart == 400 || apart == 401));
  a.closed("gone", first.now);
  CHECK(driver.gate().shard({0}).health.is_away());
  CHECK(driver.gate().shard({1}).health.is_up());
  const auto away = driver.gate().check({on_a, "k", 1, 1, 1}, first.now);
  CHECK(away.decision.reason == Reason::StoreAway);
  CHECK(check(on_b).at(0).decision.allowed);
}

TEST_CASE(
    "a way that has become long, and loses nothing, has more than one counter under way again") {
  One one;
  const auto use = exact_limit("api", 1'000'000);
  const auto ask = [&](int round, std::int64_t trip_us) {
    for (int i = 0; i < 8; ++i) one.check(use, std::to_string(round * 8 + i));
    one.pass(0);
    one.transport.now = after(one.transport.now, trip_us);
    one.transport.answer_all(one.link);
  };
  for (int round = 0; round < 100; ++round) ask(round, 1000);
  ask(100, 100'000);
  ask(101, 100'000);
  CHECK(one.link.outbox().window() == 1);  // it might be a queue
  for (int round = 102; round < 302; ++round) ask(round, 100'000);
  CHECK(one.link.outbox().window() >= 8);
}
