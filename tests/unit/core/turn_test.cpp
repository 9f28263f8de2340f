// The turn's policy, driven as the daemon drives it, with requests that cost what the test says.
#include "daemon/core/turn.hpp"

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr Turn::Policy kPolicy;

// A connection and its client: requests that have arrived, when each did, and what each costs.
struct Client {
  Turn::Slice slice;
  std::int64_t cost_us = 1;
  bool endless = false;  // there is always one more request
  bool dear = false;
  std::deque<Mono> arrived;
  std::uint64_t handled = 0;
  std::int64_t longest_wait_us = 0;
  std::int64_t longest_visit_us = 0;

  bool has_more() const { return endless || !arrived.empty(); }
};

// The loop: clients that are ready are served in their order, then whoever else has something.
class Loop {
 public:
  explicit Loop(std::size_t clients) : clients_(clients) {
    for (std::size_t at = 0; at < clients; ++at) {
      clients_[at].slice.id = static_cast<std::uint32_t>(at);
    }
  }

  Client& operator[](std::size_t at) { return clients_[at]; }
  Mono now() const { return now_; }
  std::uint64_t looks() const { return looks_; }

  // Returns what the turn's requests have cost together.
  std::int64_t turn() {
    turn_.begin();
    const Mono began = now_;
    while (const auto id = turn_.next()) {
      turn_.resume(clients_[*id].slice);
      serve(clients_[*id]);
    }
    for (Client& client : clients_) {
      if (client.has_more()) serve(client);
    }
    const std::int64_t work = now_.us - began.us;
    now_.us += 5;  // the loop itself
    return work;
  }

 private:
  void serve(Client& client) {
    if (!turn_.start(client.slice, now_)) {
      turn_.put_off(client.slice);
      return;
    }
    const Mono began = now_;
    while (client.has_more() && !turn_.over()) {
      if (!client.arrived.empty()) {
        client.longest_wait_us =
            std::max(client.longest_wait_us, now_.us - client.arrived.front().us);
        client.arrived.pop_front();
      }
      now_.us += client.cost_us;
      ++client.handled;
      turn_.handled(client.dear);
      if (turn_.look_due()) {
        turn_.look(now_);
        ++looks_;
      }
    }
    client.longest_visit_us = std::max(client.longest_visit_us, now_.us - began.us);
    turn_.stop(client.slice, now_);
    if (client.has_more()) turn_.put_off(client.slice);
  }

  Turn turn_;
  std::vector<Client> clients_;
  Mono now_{1'000'000};
  std::uint64_t looks_ = 0;
};

Turn::Slice slice_of(std::uint32_t id) {
  Turn::Slice slice;
  slice.id = id;
  return slice;
}

// What a connection gets that uses up whatever it is given.
std::int64_t given(Turn& turn, Turn::Slice& slice, Mono& now) {
  if (!turn.start(slice, now)) return 0;
  const Mono began = now;
  while (!turn.over()) turn.look(Mono{++now.us});
  turn.stop(slice, now);
  return now.us - began.us;
}

}  // namespace

TEST_CASE("one that asks without end has 100 us of each turn, and the clock is read each 16") {
  Loop loop(1);
  loop[0].endless = true;
  CHECK(loop.turn() == 112);
  CHECK(loop[0].handled == 112);
  CHECK(loop.looks() == 7);
  CHECK(loop.turn() == 112);
}

TEST_CASE("after a request that may have been dear the clock is read at once") {
  Loop loop(1);
  loop[0].endless = loop[0].dear = true;
  loop[0].cost_us = 60;
  CHECK(loop.turn() == 120);
  CHECK(loop.looks() == 2);
  loop[0].cost_us = 5000;  // it is not interrupted, but nothing follows it
  CHECK(loop.turn() == 5000);
}

TEST_CASE("the moment of a request is the last look at the clock") {
  Turn turn;
  Turn::Slice slice = slice_of(1);
  REQUIRE(turn.start(slice, Mono{70}));
  CHECK(turn.moment() == Mono{70});
  for (int i = 0; i < kPolicy.requests; ++i) {
    CHECK_FALSE(turn.look_due());
    turn.handled(false);
  }
  CHECK(turn.look_due());
  turn.look(Mono{90});
  CHECK(turn.moment() == Mono{90});
  CHECK_FALSE(turn.look_due());
}

TEST_CASE("a turn is divided by who is ready, down to 20 us") {
  for (const auto& [ready, each] : {std::pair{1, 100}, {5, 100}, {10, 50}, {25, 20}, {200, 20}}) {
    Turn turn;
    Mono now{0};
    std::vector<Turn::Slice> slices;
    for (int id = 0; id < ready; ++id) slices.push_back(slice_of(static_cast<std::uint32_t>(id)));
    for (Turn::Slice& slice : slices) turn.put_off(slice);
    turn.begin();
    for (Turn::Slice& slice : slices) {
      REQUIRE(turn.next() == slice.id);
      turn.resume(slice);
      CHECK(given(turn, slice, now) == each);
    }
  }
}

TEST_CASE("where more come than were expected, the last get the least") {
  Turn turn;
  Mono now{0};
  std::vector<std::int64_t> had;
  for (std::uint32_t id = 0; id < 8; ++id) {
    Turn::Slice slice = slice_of(id);
    had.push_back(given(turn, slice, now));
  }
  CHECK(had == std::vector<std::int64_t>{100, 100, 100, 100, 100, 20, 20, 20});
  // And as many are expected in the next turn.
  turn.begin();
  Turn::Slice slice = slice_of(9);
  CHECK(given(turn, slice, now) == 62);
}

TEST_CASE("a slice is of a turn, in however many visits it is used") {
  Turn turn;
  Turn::Slice slice = slice_of(1);
  REQUIRE(turn.start(slice, Mono{1000}));
  turn.stop(slice, Mono{1060});
  REQUIRE(turn.start(slice, Mono{2000}));
  turn.look(Mono{2039});
  CHECK_FALSE(turn.over());
  turn.look(Mono{2040});
  CHECK(turn.over());
  turn.stop(slice, Mono{2040});
  CHECK_FALSE(turn.start(slice, Mono{3000}));
  turn.begin();
  CHECK(turn.start(slice, Mono{4000}));
}

TEST_CASE("who is ready keeps its place, and nobody has two") {
  Turn turn;
  std::vector<Turn::Slice> slices{slice_of(0), slice_of(1), slice_of(2)};
  CHECK_FALSE(turn.anybody_ready());
  for (const std::size_t at : {2U, 0U, 1U, 2U, 0U}) turn.put_off(slices[at]);
  CHECK(turn.anybody_ready());
  CHECK_FALSE(turn.next());  // they are ready for the next turn
  turn.begin();
  CHECK_FALSE(
      turn.start(slices[2], Mono{0}));  // an answer has come for it, say: it waits all the same
  CHECK(turn.next() == 2U);
  turn.resume(slices[2]);
  CHECK(turn.start(slices[2], Mono{0}));
  turn.stop(slices[2], Mono{100});
  turn.put_off(slices[2]);
  CHECK(turn.next() == 0U);  // it has closed: nothing else is to be done about it
  CHECK(turn.next() == 1U);
  CHECK_FALSE(turn.next());
  turn.begin();
  CHECK(turn.next() == 2U);
  CHECK_FALSE(turn.next());
  CHECK_FALSE(turn.anybody_ready());
}

TEST_CASE("four connections are accepted in a turn") {
  Turn turn;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) CHECK(turn.may_accept());
    CHECK_FALSE(turn.may_accept());
    CHECK_FALSE(turn.may_accept());
    turn.begin();
  }
}

// Random clients, of which some ask without end and some now and then: no turn works for longer
// than it may, nobody waits for longer than two turns, and those that ask without end have equal
// parts.
TEST_CASE("each turn's work is bounded, and so is everybody's wait") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto between = [&random](int low, int high) {
      return std::uniform_int_distribution(low, high)(random);
    };
    const auto clients = static_cast<std::size_t>(between(2, 80));
    Loop loop(clients);
    std::int64_t dearest_us = 0;
    for (std::size_t at = 0; at < clients; ++at) {
      loop[at].endless = at == 0 || between(0, 3) == 0;
      loop[at].dear = between(0, 4) == 0;
      loop[at].cost_us = loop[at].dear ? between(10, 150) : between(1, 3);
      dearest_us = std::max(dearest_us, loop[at].cost_us * (loop[at].dear ? 1 : kPolicy.requests));
    }
    const auto count = static_cast<std::int64_t>(clients);
    const std::int64_t most_us = kPolicy.all_us + count * (kPolicy.least_us + dearest_us);
    for (int turn = 0; turn < 200; ++turn) {
      for (std::size_t at = 0; at < clients; ++at) {
        Client& client = loop[at];
        if (!client.endless && between(0, 9) == 0) client.arrived.push_back(loop.now());
      }
      const std::int64_t work_us = loop.turn();
      INFO("seed " << seed << " turn " << turn << ": " << work_us);
      REQUIRE(work_us <= most_us);
    }
    std::uint64_t fewest = UINT64_MAX;
    std::uint64_t most = 0;
    for (std::size_t at = 0; at < clients; ++at) {
      const Client& client = loop[at];
      INFO("seed " << seed << " client " << at);
      CHECK(client.longest_wait_us <= 2 * most_us);
      CHECK(client.longest_visit_us <= kPolicy.most_us + dearest_us);
      if (!client.endless || client.cost_us != 1) continue;
      fewest = std::min(fewest, client.handled);
      most = std::max(most, client.handled);
    }
    if (most > 0) CHECK(most - fewest <= most / 20 + 112);
  }
}
