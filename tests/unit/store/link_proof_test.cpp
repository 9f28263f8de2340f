// What a primary has to prove before what it grants is used, over a transport and a witness in the
// test's hands.
#include <algorithm>
#include <memory>

#include "daemon/store/link.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/store/fake_transport.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000;

class FakeWitness final : public Witness {
 public:
  const std::vector<std::string>* replicas() const override { return known ? &list : nullptr; }
  Mono named_at() const override { return named; }
  void doubt(Mono) override { ++doubts; }

  bool known = true;
  std::vector<std::string> list;
  Mono named = kNotNamed;
  int doubts = 0;
};

struct Proving {
  FakeWitness witness;
  Told told;
  Driver driver;
  FakeTransport transport{kStart};
  Link& link;
  LimitUsePtr use;
  std::uint64_t tickets = 0;

  Proving() : driver(Gate::Options{}, nullptr, told), link(driver.add(options(), transport)) {
    Limit limit = declared_limit("api", {5, 1000}, true);
    limit.mode = Mode::Exact;
    use = std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
  }
  Link::Options options() {
    Link::Options options;
    options.witness = &witness;
    return options;
  }
  void greet() {
    if (link.state() == Link::State::Stopped) driver.start(transport.now);
    link.connected(transport.now);
    pass(0);
    transport.answer_all(link);
  }
  void pass(std::int64_t us) {
    transport.now = after(transport.now, us);
    driver.pump(transport.now);
  }
  void check() { driver.gate().check({use, "key", 1, ++tickets, 1}, transport.now); }
  std::size_t answers() { return std::exchange(driver.gate().answers(), {}).size(); }
  bool asks_for(Call::Kind kind) const {
    return std::any_of(transport.calls.begin(), transport.calls.end(),
                       [&](const Call& call) { return call.kind == kind; });
  }
};

}  // namespace

TEST_CASE("a primary that nobody names, with replicas that nobody knows, is not used") {
  Proving one;
  one.witness.known = false;
  one.greet();
  CHECK(one.link.state() == Link::State::Greeting);
  CHECK(one.witness.doubts == 1);
  one.link.replied(Reply{}, one.transport.now, one.transport.now);  // unasked
  one.pass(300'000);
  CHECK(one.link.state() == Link::State::Backoff);
  CHECK(one.link.status().error ==
        "nothing proves that it is still the primary: its replicas are not known");
}

TEST_CASE("a primary that does not tell who it is proves nothing") {
  Proving one;
  one.transport.replid.clear();
  one.greet();
  CHECK(one.link.state() == Link::State::Backoff);
  CHECK(one.link.status().error.starts_with("it does not tell its master_replid"));
}

TEST_CASE("while nothing is proved, no more than some calls are made") {
  Proving one;
  one.witness.known = false;
  one.witness.named = one.transport.now;
  one.greet();
  one.pass(2'000'000);
  std::size_t calls = 0;
  for (int i = 0; i < 100; ++i) {
    one.driver.gate().check({one.use, "key" + std::to_string(i), 1, ++one.tickets, 1},
                            one.transport.now);
    one.pass(1000);
    calls += one.transport.calls.size() / 2;
    one.transport.answer_all(one.link);
  }
  CHECK(calls == 16);
  CHECK(one.link.holds_answers());
  one.witness.named = one.transport.now;
  one.pass(1000);
  CHECK(one.answers() == 16);
}

TEST_CASE("a greeting is complete as soon as the primary is named") {
  Proving one;
  one.witness.known = false;
  one.greet();
  one.witness.named = one.transport.now;
  one.pass(100'000);
  CHECK(one.link.state() == Link::State::Up);
}

TEST_CASE("a primary of which no replicas are known is used while it is named") {
  Proving one;
  one.greet();
  CHECK(one.link.state() == Link::State::Greeting);
  one.witness.named = one.transport.now;
  one.pass(1000);
  CHECK(one.link.state() == Link::State::Up);
  CHECK_FALSE(one.asks_for(Call::Kind::Wait));
  one.pass(2'000'000);
  one.check();
  one.pass(0);
  one.transport.answer_all(one.link);
  CHECK(one.answers() == 0);
}

TEST_CASE("what may be replaced has lost more than what was open, whatever it says of replicas") {
  Proving one;
  one.witness.named = one.transport.now;
  one.transport.reign = "first 1700000001000000 token";
  one.transport.since = {kStart + 1'000'000};
  one.greet();
  one.pass(2'000'000);  // 3.1 s: 2 s later than that moment
  one.witness.named = one.transport.now;
  CHECK(one.driver.gate()
            .check({one.use, "key", 1, ++one.tickets, 1}, one.transport.now)
            .decision.reason == Reason::StoreAway);
  one.pass(2'000'000);
  one.witness.named = one.transport.now;
  CHECK(one.driver.gate().check({one.use, "key", 1, ++one.tickets, 1}, one.transport.now).waits);
}

TEST_CASE("answers wait for a majority, and count when it comes") {
  Proving one;
  one.witness.known = false;
  one.witness.named = one.transport.now;
  one.greet();
  REQUIRE(one.link.state() == Link::State::Up);
  one.pass(2'000'000);
  one.check();
  one.pass(0);
  one.transport.answer_all(one.link);
  CHECK(one.answers() == 0);
  CHECK(one.link.holds_answers());
  CHECK(one.witness.doubts > 0);
  one.witness.named = one.transport.now;
  one.pass(50'000);
  CHECK(one.answers() == 1);
  CHECK_FALSE(one.link.holds_answers());
  CHECK(one.link.state() == Link::State::Up);
}

TEST_CASE("a primary that refuses what it is asked is doubted") {
  Proving one;
  one.witness.named = one.transport.now;
  one.greet();
  one.check();
  one.pass(0);
  one.transport.refuse(one.link, "NOREPLICAS Not enough good replicas to write.");
  CHECK(one.witness.doubts == 1);
  CHECK(one.link.state() == Link::State::Up);
}

TEST_CASE("answers that nothing proves are dropped, and the connection is left") {
  Proving one;
  one.witness.known = false;
  one.witness.named = one.transport.now;
  one.greet();
  one.pass(2'000'000);
  one.check();
  one.pass(0);
  one.transport.answer_all(one.link);
  one.pass(250'001);
  CHECK_FALSE(one.link.holds_answers());
  CHECK(one.link.state() != Link::State::Up);
}

TEST_CASE("a replica that is to follow is asked to acknowledge, and its word is waited for") {
  Proving one;
  one.witness.list = {"10.0.0.2:6379"};
  one.driver.start(one.transport.now);
  one.link.connected(one.transport.now);
  one.pass(0);
  CHECK(one.asks_for(Call::Kind::Wait));
  one.transport.replica = "10.0.0.2";
  one.transport.answer_all(one.link);
  REQUIRE(one.link.state() == Link::State::Up);
  one.check();
  one.pass(0);
  CHECK_FALSE(one.asks_for(Call::Kind::Wait));  // it has just been
  one.transport.answer_all(one.link);
  CHECK(one.answers() == 1);
  one.pass(2'100'000);
  one.check();
  one.pass(0);
  REQUIRE(one.transport.calls.size() == 4);
  CHECK(one.transport.calls[0].kind == Call::Kind::Replication);
  CHECK(one.transport.calls[1].kind == Call::Kind::Reserve);
  CHECK(one.transport.calls[2].kind == Call::Kind::Wait);
  CHECK(one.transport.calls[2].replicas == 1);
  CHECK(one.transport.calls[3].kind == Call::Kind::Replication);
  one.transport.follows = false;
  one.transport.answer_all(one.link);
  CHECK(one.answers() == 0);
  one.pass(250'001);
  CHECK(one.link.state() != Link::State::Up);
}
