#include "tests/sim/sim_transport.hpp"

#include <algorithm>
#include <utility>

#include "tests/sim/daemon.hpp"
#include "tests/sim/hooks.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {
constexpr std::int64_t kCachedTimeLagUs = 30'000;
// Replies that come twice, connections that are not answered at all.
constexpr int kTwiceOneIn = 64;
constexpr int kUnansweredOneIn = 20;
}  // namespace

std::int64_t SimTransport::delay(bool there) {
  const Scenario& scenario = world_.scenario();
  Random& random = world_.random();
  std::int64_t us = scenario.least_delay_us + 1 + random.below(2 * scenario.delay_us);
  if (there == ((daemon_.id() & 1) != 0)) us += scenario.lopsided_us;
  if (daemon_.id() >= scenario.hosts - scenario.far_hosts) us += scenario.far_us;
  if (scenario.slow_us > 0 && world_.events().now() < world_.end_us() &&
      random.one_in(scenario.slow_one_in)) {
    us += random.below(scenario.slow_us);
  }
  return us;
}

// By the end all is as it should be.
bool SimTransport::faulty() const {
  return world_.scenario().losses > 0 && world_.events().now() < world_.end_us();
}

std::string_view SimTransport::peer() const { return peer_; }

// ---- The connection -------------------------------------------------------------------------

// Null where it is not known, or out of reach.
Store* SimTransport::find_store() const {
  if (topology_ == nullptr) return &world_.store_of(daemon_.id());
  const auto primary = topology_->primary(daemon_.now());
  return primary ? world_.cluster()->reach(daemon_.id(), *primary) : nullptr;
}

void SimTransport::connect() {
  end(true);
  const auto connection = connection_ = std::make_shared<Connection>();
  connection->last_out_us = connection->last_in_us = world_.events().now();
  connection->store = find_store();
  if (connection->store == nullptr) return;
  peer_ = connection->store->name();
  if (faulty() && world_.random().one_in(kUnansweredOneIn)) return;
  world_.events().in(delay(true) + delay(false), [this, connection] {
    daemon_.when_awake([this, connection] {
      if (connection_ != connection) return;
      if (!connection->store->accepts()) return lose("connection refused");
      connection->session = connection->store->session_of(daemon_.id());
      link_->connected(daemon_.now());
      daemon_.pump();
    });
  });
}

void SimTransport::end(bool arrives) {
  if (connection_ != nullptr) {
    connection_->arrives = connection_->arrives && arrives;
    connection_->session.left = true;
  }
  connection_ = nullptr;
  unsent_.clear();
  stuck_.clear();
}

void SimTransport::close() {
  end(world_.random().percent(70));
  if (topology_ != nullptr) topology_->left(daemon_.now());
}

void SimTransport::lose(const char* why) {
  end(world_.random().percent(70));
  link_->closed(why, daemon_.now());
  daemon_.pump();
}

void SimTransport::cut() {
  if (connection_ != nullptr) lose("cut");
}

void SimTransport::cut_off(bool silent) {
  if (silent) {
    connection_->arrives = false;
  } else {
    cut();
  }
}

// ---- There ----------------------------------------------------------------------------------

void SimTransport::send(const Call& call) {
  unsent_.push_back(std::make_shared<const Call>(call));
  if (call.kind == Call::Kind::Reserve) {
    // Behind bytes that wait here nothing can be recalled any more, nor its stamp be right.
    if (!is_written()) world_.checker().fail("a reservation was composed before it could leave");
    if (connection_ != nullptr) connection_->used = true;
  }
  world_.judge().written(daemon_, call);
}

Mono SimTransport::flush() {
  const Mono sent = daemon_.now();
  const int one_in = world_.scenario().full_one_in;
  if (!unsent_.empty() && stuck_.empty() && one_in > 0 && world_.random().one_in(one_in)) {
    fill_up();
  }
  while (!unsent_.empty()) {
    leave(std::move(unsent_.front()));
    unsent_.pop_front();
  }
  return sent;
}

void SimTransport::fill_up() {
  // All of it waits, so that is_written() is false from here on.
  stuck_.swap(unsent_);
  world_.events().in(world_.random().any_size(10, 20'000), [this, connection = connection_] {
    daemon_.when_awake([this, connection] {
      if (connection_ != connection) return;
      std::deque<CallPtr> out;
      out.swap(stuck_);
      for (CallPtr& call : out) leave(std::move(call));
      daemon_.pump();
    });
  });
}

void SimTransport::leave(CallPtr call) {
  if (!stuck_.empty()) return stuck_.push_back(std::move(call));
  const ConnectionPtr connection = connection_;
  if (connection == nullptr) return;
  EventQueue& events = world_.events();
  connection->last_out_us = std::max(connection->last_out_us + 1, events.now() + delay(true));
  events.at(connection->last_out_us, [this, connection, call = std::move(call)] {
    if (!connection->arrives) return;
    const auto counters = static_cast<std::int64_t>(call->reservations.size());
    connection->store->serve(counters, [this, connection, call] { arrive(connection, call); });
  });
}

// ---- And back -------------------------------------------------------------------------------

void SimTransport::arrive(const ConnectionPtr& connection, const CallPtr& call) {
  if (connection->waits) {
    connection->behind.push_back(call);
  } else if (call->kind == Call::Kind::Wait && connection->store->serves(connection->session)) {
    connection->waits = true;
    world_.wait_for_replicas(*connection->store, *call,
                             [this, connection, call](std::int64_t replicas) {
                               run(connection, call, replicas);
                               go_on(connection);
                             });
  } else {
    run(connection, call, 0);
  }
}

void SimTransport::go_on(const ConnectionPtr& connection) {
  connection->waits = false;
  while (!connection->behind.empty() && !connection->waits) {
    const CallPtr call = std::move(connection->behind.front());
    connection->behind.pop_front();
    arrive(connection, call);
  }
}

void SimTransport::run(const ConnectionPtr& connection, const CallPtr& call,
                       std::int64_t replicas) {
  Store& store = *connection->store;
  if (!store.serves(connection->session)) return;
  Store::Answer given = store.answer(connection->session, *call);
  given.replicas = replicas;
  const auto answer = std::make_shared<const Store::Answer>(std::move(given));
  if (connection_ != connection) return;
  EventQueue& events = world_.events();
  connection->last_in_us = std::max(connection->last_in_us + 1, events.now() + delay(false));
  events.at(connection->last_in_us, [this, connection, call, answer] {
    daemon_.when_awake([this, connection, call, answer] {
      if (connection_ == connection) deliver(connection, call, answer);
    });
  });
}

void SimTransport::deliver(const ConnectionPtr& connection, const CallPtr& call,
                           const AnswerPtr& answer) {
  const Scenario& scenario = world_.scenario();
  Random& random = world_.random();
  if (!connection->used && faulty() && random.percent(scenario.cut_greeting_percent)) return cut();
  Mono received = daemon_.now();
  if (mistake("stamps-from-cached-time")) received.us -= random.below(kCachedTimeLagUs);
  Reply reply;
  reply.is_error = answer->is_error;
  reply.understood =
      scenario.garbled_one_in == 0 || !faulty() || !random.one_in(scenario.garbled_one_in);
  reply.text = answer->text;
  reply.time = answer->time;
  reply.reign_over = answer->reign_over;
  reply.replicas = answer->replicas;
  reply.answers = answer->answers;
  reply.clear = answer->clear;
  daemon_.replied(*link_, *call, reply, received);
  connection->held.emplace_back(call, answer);
  if (!link_->holds_answers()) used(connection);
  daemon_.pump();
}

void SimTransport::used(const ConnectionPtr& connection) {
  for (const auto& [call, answer] : connection->held) {
    // Nothing comes twice on a connection; it would have to be harmless all the same.
    const std::size_t answered = call->reservations.size();
    for (std::size_t i = 0; i < answered && i < answer->answers.size(); ++i) {
      world_.checker().heard(daemon_.id(), call->reservations[i], answer->answers[i]);
    }
    for (std::size_t i = 0; i < answered && i < answer->answers.size() && connection_ == connection;
         ++i) {
      if (!world_.random().one_in(kTwiceOneIn)) continue;
      daemon_.answered_again(call->reservations[i].id, answer->answers[i]);
    }
    world_.judge().replied(daemon_, *call, *answer);
  }
  connection->held.clear();
}

}  // namespace rategate::sim
