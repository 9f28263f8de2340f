// A primary that is another one now: what a link does in each of its states.
#include <functional>
#include <string>
#include <utility>

#include "daemon/store/link.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/store/one_link.hpp"

using namespace rategate;

namespace {

struct One : OneLink {
  One() { greet(); }
  void lose(const char* why) { link.closed(why, transport.now); }
};

}  // namespace

TEST_CASE("a link to another primary is made at once, in whatever state it was") {
  using State = Link::State;
  const auto up = [](One&) {};
  const auto backoff = [](One& one) { one.lose("gone"); };
  const auto connecting = [](One& one) {
    one.pass(2'000'000);
    one.lose("gone");
  };
  const auto greeting = [&](One& one) {
    connecting(one);
    one.link.connected(one.transport.now);
    one.driver.pump(one.transport.now);
  };
  const std::pair<State, std::function<void(One&)>> states[] = {{State::Up, up},
                                                                {State::Backoff, backoff},
                                                                {State::Connecting, connecting},
                                                                {State::Greeting, greeting}};
  for (const auto& [state, make] : states) {
    One one;
    make(one);
    REQUIRE(one.link.state() == state);
    const int connects = one.transport.connects;
    one.link.moved("elsewhere", one.transport.now);
    CHECK(one.link.state() == State::Connecting);
    CHECK(one.transport.connects == connects + 1);
    CHECK(one.transport.calls.empty());
    CHECK(one.link.status().address == "elsewhere");
    one.transport.run_id = "another";
    one.greet();
    CHECK(one.link.state() == State::Up);
    // It may lack what the one before had counted.
    CHECK(one.told.has(StoreEvent::What::WindowsLost));
  }
}

TEST_CASE("what was tried in vain at another primary makes nobody wait longer") {
  One one;
  for (int i = 0; i < 8; ++i) {
    one.lose("gone");
    while (one.link.state() == Link::State::Backoff) one.pass(10'000);
  }
  one.link.moved("elsewhere", one.transport.now);
  one.lose("refused");
  one.pass(50'000);
  CHECK(one.link.state() == Link::State::Connecting);
}

TEST_CASE("a link that was stopped is not moved") {
  One one;
  one.driver.stop(one.transport.now);
  const int connects = one.transport.connects;
  one.link.moved("elsewhere", one.transport.now);
  CHECK(one.link.state() == Link::State::Stopped);
  CHECK(one.transport.connects == connects);
}
