#include "tests/sim/turns.hpp"

#include <algorithm>

namespace rategate::sim {
namespace {

constexpr std::int64_t kLoopUs = 5;  // what the loop itself costs in each turn
constexpr std::size_t kMostConnections = 300;
constexpr Turn::Policy kPolicy;

}  // namespace

Turns::Turns(const Scenario& scenario) : scenario_(scenario), random_(scenario.seed) {
  connections_.push_back(any_connection(true));
  for (std::int64_t more = random_.any_size(1, 80); more > 0; --more) {
    connections_.push_back(any_connection(random_.one_in(4)));
  }
  if (random_.one_in(2)) storm_gap_us_ = random_.any_size(10, 2000);
}

Turns::Connection Turns::any_connection(bool endless) {
  Connection connection;
  connection.slice.id = static_cast<std::uint32_t>(connections_.size());
  connection.endless = endless;
  connection.dear = random_.one_in(5);
  connection.waits = random_.one_in(3);
  connection.cost_us = connection.dear ? random_.between(10, 150) : random_.between(1, 3);
  connection.gap_us = random_.any_size(500, 50'000);
  connection.next_us = now_us_ + random_.below(connection.gap_us);
  return connection;
}

void Turns::fail(const std::string& what) {
  if (failure_.empty()) failure_ = what;
}

// The most that can pass between two looks at the clock.
std::int64_t Turns::dearest_us() const {
  std::int64_t dearest = 0;
  for (const Connection& each : connections_) {
    dearest = std::max(dearest, each.cost_us * (each.dear ? 1 : kPolicy.requests));
  }
  return dearest;
}

void Turns::arrive() {
  for (Connection& each : connections_) {
    if (each.endless || each.next_us > now_us_) continue;
    each.arrived.push_back(each.next_us);
    each.next_us = now_us_ + 1 + random_.below(2 * each.gap_us);
  }
  while (storm_gap_us_ > 0 && next_knock_us_ <= now_us_) {
    knocking_.push_back({next_knock_us_, static_cast<std::int64_t>(knocking_.size())});
    next_knock_us_ += 1 + random_.below(2 * storm_gap_us_);
  }
}

// As many turns as it takes to accept four in each.
void Turns::judge_wait(const Knock& knock) {
  const std::int64_t longest = std::max(longest_turn_us_, now_us_ - turn_began_us_) + kLoopUs;
  const std::int64_t waited = now_us_ - knock.since_us;
  if (waited > (knock.ahead / kPolicy.accepts + 2) * longest) {
    fail("one who connects behind " + std::to_string(knock.ahead) + " waited for " +
         std::to_string(waited) + " us");
  }
}

void Turns::accept() {
  int accepted = 0;
  while (!knocking_.empty() && turn_.may_accept()) {
    judge_wait(knocking_.front());
    knocking_.pop_front();
    now_us_ += 10;
    ++accepted;
    if (connections_.size() < kMostConnections) connections_.push_back(any_connection(false));
  }
  if (accepted > kPolicy.accepts) fail(std::to_string(accepted) + " were accepted in one turn");
}

void Turns::handle(Connection& connection) {
  if (!connection.arrived.empty()) {
    // The turn in which it came, the next one, and one more where its connection had used up its
    // slice of that.
    const std::int64_t longest = std::max(longest_turn_us_, now_us_ - turn_began_us_) + kLoopUs;
    const std::int64_t waited = now_us_ - connection.arrived.front();
    if (waited > 3 * longest && connection.arrived.size() == 1) {
      fail("a request waited for " + std::to_string(waited) + " us, and the longest turn took " +
           std::to_string(longest));
    }
    connection.arrived.pop_front();
  }
  now_us_ += connection.cost_us;
  ++connection.handled;
  ++handled_;
  turn_.handled(connection.dear);
  if (turn_.look_due()) turn_.look(Mono{now_us_});
}

void Turns::serve(Connection& connection) {
  const std::int64_t began = now_us_;
  if (!turn_.start(connection.slice, Mono{now_us_})) {
    if (connection.has_more()) turn_.put_off(connection.slice);
    return;
  }
  const std::int64_t dearest = connection.cost_us * (connection.dear ? 1 : kPolicy.requests);
  while (connection.has_more() && !turn_.over() && failure_.empty()) {
    handle(connection);
    if (now_us_ - began > kPolicy.most_us + dearest) {
      fail("one connection was served for " + std::to_string(now_us_ - began) + " us in a row");
    }
  }
  turn_.stop(connection.slice, Mono{now_us_});
  if (connection.has_more()) turn_.put_off(connection.slice);
}

void Turns::turn() {
  turn_.begin();
  turn_began_us_ = now_us_;
  while (const auto id = turn_.next()) {
    turn_.resume(connections_[*id].slice);
    serve(connections_[*id]);
  }
  arrive();
  // In whatever order the kernel names them.
  const std::size_t count = connections_.size();
  const auto first = static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(count)));
  for (std::size_t i = 0; i < count; ++i) {
    Connection& connection = connections_[(first + i) % count];
    if (!connection.has_more()) continue;
    serve(connection);
    // The store's answer lets it go on: out of the same slice.
    if (connection.waits && connection.has_more()) serve(connection);
  }
  accept();
  const std::int64_t took = now_us_ - turn_began_us_;
  longest_turn_us_ = std::max(longest_turn_us_, took);
  const std::int64_t most = kPolicy.all_us + kPolicy.accepts * 10 +
                            static_cast<std::int64_t>(count) * (kPolicy.least_us + dearest_us());
  if (took > most) {
    fail("a turn with " + std::to_string(count) + " connections took " + std::to_string(took) +
         " us");
  }
  now_us_ += kLoopUs;
}

// Those that ask without end, and for the same, have equal parts.
void Turns::judge_shares() {
  std::int64_t fewest = INT64_MAX;
  std::int64_t most = 0;
  for (const Connection& each : connections_) {
    if (!each.endless || each.cost_us != 1) continue;
    fewest = std::min(fewest, each.handled);
    most = std::max(most, each.handled);
  }
  if (most > 0 && most - fewest > most / 20 + kPolicy.most_us + kPolicy.requests) {
    fail("of those who ask without end one was served " + std::to_string(most) + " times and one " +
         std::to_string(fewest));
  }
  if (!knocking_.empty()) judge_wait(knocking_.front());
}

std::string Turns::run() {
  while (now_us_ < scenario_.length_us && failure_.empty()) turn();
  judge_shares();
  return failure_;
}

}  // namespace rategate::sim
