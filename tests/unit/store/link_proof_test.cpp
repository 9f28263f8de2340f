// What a primary has to prove before what it grants is used, over a transport and a witness in the
// test's hands.
#include <algorithm>
#include <memory>

#include "daemon/store/link.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/store/one_link.hpp"

using namespace rategate;

namespace {

class FakeWitness final : public Witness {
 public:
  const std::vector<std::string>& replicas() const override { return list; }
  Mono named_at() const override { return named; }
  void doubt(Mono) override { ++doubts; }

  std::vector<std::string> list;
  Mono named = kNotNamed;
  int doubts = 0;
};

struct WithWitness {
  FakeWitness witness;
  Link::Options options() {
    Link::Options options;
    options.witness = &witness;
    return options;
  }
};

struct Proving : WithWitness, OneLink {
  LimitUsePtr use = exact_limit("api", 5);

  Proving() : OneLink(options()) {}
  CheckResult check(std::string_view key = "key") { return OneLink::check(use, key); }
  // A check whose reservation is written, and answered with all that is.
  void ask() {
    check();
    pass(0);
    transport.answer_all(link);
  }
};

}  // namespace

TEST_CASE("a primary that nobody names, with replicas that nobody knows, is not used") {
  Proving one;
  one.greet();
  CHECK(one.link.state() == Link::State::Greeting);
  CHECK(one.transport.calls.empty());  // a record of its reign would be believed by others
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
  one.witness.named = one.transport.now;
  one.greet();
  CHECK(one.link.state() == Link::State::Backoff);
  CHECK(one.link.status().error.starts_with("it does not tell its master_replid"));
}

TEST_CASE("while nothing is proved, no more than some calls are made") {
  Proving one;
  one.witness.named = one.transport.now;
  one.greet();
  one.pass(2'000'000);
  std::size_t calls = 0;
  for (int i = 0; i < 100; ++i) {
    one.check("key" + std::to_string(i));
    one.pass(1000);
    calls += one.transport.calls.size() / 2;
    one.transport.answer_all(one.link);
  }
  CHECK(calls == 16);
  CHECK(one.link.holds_answers());
  one.witness.named = one.transport.now;
  one.pass(1000);
  CHECK(one.answers().size() == 16);
}

TEST_CASE("a greeting is complete as soon as the primary is named") {
  Proving one;
  one.witness.list = {"10.0.0.2:6379"};  // which does not follow
  one.greet();
  CHECK(one.link.state() == Link::State::Greeting);
  one.witness.named = one.transport.now;
  one.pass(100'000);
  CHECK(one.link.state() == Link::State::Up);
}

TEST_CASE("a greeting that nothing proved is not complete on the next connection") {
  Proving one;
  one.witness.list = {"10.0.0.2:6379"};
  one.greet();
  REQUIRE(one.link.state() == Link::State::Greeting);
  one.link.moved("another", one.transport.now);
  one.link.connected(one.transport.now);
  one.witness.named = one.transport.now;
  one.driver.pump(one.transport.now);
  CHECK(one.link.state() == Link::State::Greeting);
  CHECK(one.transport.calls.size() == 7);  // it is greeted by itself
  one.transport.answer_all(one.link);
  CHECK(one.link.state() == Link::State::Up);
}

TEST_CASE("a primary of which no replicas are known is used while it is named") {
  Proving one;
  one.greet();
  CHECK(one.link.state() == Link::State::Greeting);
  one.witness.named = one.transport.now;
  one.pass(1000);
  one.transport.answer_all(one.link);
  CHECK(one.link.state() == Link::State::Up);
  CHECK(one.calls(Call::Kind::Wait) == 0);
  one.pass(2'000'000);
  one.ask();
  CHECK(one.answers().size() == 0);
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
  CHECK(one.check().waits);
}

TEST_CASE("answers wait for a majority, and count when it comes") {
  Proving one;
  one.witness.named = one.transport.now;
  one.greet();
  REQUIRE(one.link.state() == Link::State::Up);
  one.pass(2'000'000);
  one.ask();
  CHECK(one.answers().size() == 0);
  CHECK(one.link.holds_answers());
  CHECK(one.witness.doubts > 0);
  one.witness.named = one.transport.now;
  one.pass(50'000);
  CHECK(one.answers().size() == 1);
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
  one.witness.named = one.transport.now;
  one.greet();
  one.pass(2'000'000);
  one.ask();
  one.pass(250'001);
  CHECK_FALSE(one.link.holds_answers());
  CHECK(one.link.state() != Link::State::Up);
}

TEST_CASE("a replica that is to follow is asked to acknowledge, and its word is waited for") {
  Proving one;
  one.witness.list = {"10.0.0.2:6379"};
  one.connect();
  CHECK(one.calls(Call::Kind::Wait) == 1);
  one.transport.replica = "10.0.0.2";
  one.transport.answer_all(one.link);
  REQUIRE(one.link.state() == Link::State::Up);
  one.check();
  one.pass(0);
  CHECK(one.calls(Call::Kind::Wait) == 0);  // it has just been
  one.transport.answer_all(one.link);
  CHECK(one.answers().size() == 1);
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
  CHECK(one.answers().size() == 0);
  one.pass(250'001);
  CHECK(one.link.state() != Link::State::Up);
}

// Each would keep what is behind it until its replica has answered, and checks would come to their
// deadline behind some of them.
TEST_CASE("one acknowledgement at a time is waited for") {
  Proving one;
  one.witness.list = {"10.0.0.2:6379"};
  one.transport.replica = "10.0.0.2";
  one.greet();
  REQUIRE(one.link.state() == Link::State::Up);
  one.pass(2'100'000);
  for (int i = 0; i < 5; ++i) {
    one.check("key" + std::to_string(i));
    one.pass(1000);
  }
  CHECK(one.calls(Call::Kind::Reserve) == 5);
  CHECK(one.calls(Call::Kind::Wait) == 1);
  one.transport.answer_all(one.link);
  CHECK(one.answers().size() == 5);
  CHECK_FALSE(one.link.holds_answers());
  // And again where it was in vain.
  one.pass(2'100'000);
  one.transport.follows = false;
  one.check("key5");
  one.pass(0);
  CHECK(one.calls(Call::Kind::Wait) == 1);
  one.transport.answer_all(one.link);
  CHECK(one.answers().empty());
  one.transport.follows = true;
  one.check("key6");
  one.pass(1000);
  CHECK(one.calls(Call::Kind::Wait) == 1);
  one.transport.answer_all(one.link);
  CHECK(one.answers().size() == 2);
}
