// What a link does about passwords: when it says one, when it tries again, and what it tells of a
// store that refuses it.
#include <algorithm>

#include "daemon/store/link.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/store/fake_transport.hpp"

using namespace rategate;
using What = StoreEvent::What;

namespace {

struct Greeted {
  Told told;
  Driver driver;
  FakeTransport transport{0};
  Link& link;

  explicit Greeted(Link::Options options = {})
      : driver({}, nullptr, told), link(driver.add(options, transport)) {
    driver.start(transport.now);
    connect();
    transport.answer_all(link);
  }
  void connect() {
    link.connected(transport.now);
    driver.pump(transport.now);
  }
  void pass(std::int64_t us) {
    transport.now = after(transport.now, us);
    driver.pump(transport.now);
  }
  auto told_away() const { return std::count(told.events.begin(), told.events.end(), What::Away); }
};

}  // namespace

TEST_CASE("a password that comes and goes is said from the next greeting on") {
  Greeted one;
  for (const bool auth : {true, false}) {
    one.pass(2'000'000);
    one.link.closed("gone", one.transport.now);
    one.link.set_auth(auth);
    one.connect();
    CHECK((one.transport.calls.front().kind == Call::Kind::Auth) == auth);
    one.link.set_auth(!auth);  // the greeting that is under way is not mixed up
    one.transport.answer_all(one.link);
    CHECK(one.link.state() == Link::State::Up);
  }
}

TEST_CASE("what may mend it ends a back-off, and nothing else") {
  Link::Options options;
  options.backoff_min_us = options.backoff_max_us = 10'000'000;
  Greeted one(options);
  const int connects = one.transport.connects;
  one.link.try_again(one.transport.now);
  one.pass(1);
  CHECK(one.link.state() == Link::State::Up);

  one.pass(2'000'000);
  one.link.closed("gone", one.transport.now);
  one.connect();
  one.transport.refuse(one.link, "WRONGPASS");
  REQUIRE(one.link.state() == Link::State::Backoff);
  one.pass(1000);
  CHECK(one.transport.connects == connects + 1);
  one.link.try_again(one.transport.now);
  CHECK(one.driver.next_turn() <= one.transport.now);
  one.pass(0);
  CHECK(one.link.state() == Link::State::Connecting);
  CHECK(one.transport.connects == connects + 2);
  one.link.try_again(one.transport.now);
  one.pass(1000);
  CHECK(one.link.state() == Link::State::Connecting);
  CHECK(one.transport.connects == connects + 2);
}

TEST_CASE("what the store answers is told, also where it had closed the connection before") {
  Greeted one;
  one.link.closed("closed", one.transport.now);  // one that has only just been made
  CHECK(one.told_away() == 1);
  for (const auto& [error, times] :
       {std::pair("WRONGPASS", 2), {"WRONGPASS", 2}, {"LOADING", 3}, {"LOADING", 3}}) {
    one.pass(4'000'000);
    one.connect();
    one.transport.refuse(one.link, error);
    CHECK(one.told_away() == times);
    CHECK(one.link.status().error.find(error) != std::string::npos);
  }
  one.pass(4'000'000);
  one.connect();
  one.transport.answer_all(one.link);
  one.pass(2'000'000);
  one.link.closed("closed", one.transport.now);
  one.connect();
  one.transport.refuse(one.link, "LOADING");  // again, after it was up
  CHECK(one.told_away() == 4);
}
