// The way between a daemon and the store, under the daemon's own Link: messages that take their
// time, connections that are not made or break, a socket that takes no more for a while.
//
// Messages keep their order within a connection, and only there: what was written before a
// connection was lost may come to the store after what the next one brings.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/store/call.hpp"
#include "daemon/store/link.hpp"
#include "daemon/store/topology.hpp"
#include "tests/sim/event_queue.hpp"
#include "tests/sim/store.hpp"

namespace rategate::sim {

class Daemon;
class World;

class SimTransport final : public Transport {
 public:
  // `topology`: of a shard of a cluster, which tells whom to connect to; null: the world does.
  SimTransport(World& world, Daemon& daemon, Topology* topology)
      : world_(world), daemon_(daemon), topology_(topology) {}
  // Who is told what happens, from before the first connect() on.
  void set_link(Link& link) { link_ = &link; }

  void connect() override;
  void close() override;
  void send(const Call& call) override;
  Mono flush() override;
  bool is_written() const override { return stuck_.empty(); }
  std::string_view peer() const override;

  // The connection breaks; what is on its way to the store comes there all the same, or not.
  void cut();
  // Nothing comes there any more; the connection ends, or it falls silent.
  void cut_off(bool silent);
  // Whom it is to; null where it is to nobody.
  const Store* store() const { return connection_ == nullptr ? nullptr : connection_->store; }

 private:
  using CallPtr = std::shared_ptr<const Call>;
  using AnswerPtr = std::shared_ptr<const Store::Answer>;
  struct Connection {
    Store* store = nullptr;
    Store::Session session;
    bool waits = false;  // for replicas, and runs nothing meanwhile
    std::deque<CallPtr> behind;
    bool arrives = true;  // what is on the way to the store comes there
    bool used = false;    // a reservation was asked on it
    // What was answered, and is used when the store has said who it is.
    std::vector<std::pair<CallPtr, AnswerPtr>> held;
    std::int64_t last_out_us = 0;
    std::int64_t last_in_us = 0;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  Store* find_store() const;
  std::int64_t delay(bool there);
  bool faulty() const;
  void end(bool arrives);
  void lose(const char* why);
  // The socket takes no more for a while.
  void fill_up();
  void leave(CallPtr call);
  void arrive(const ConnectionPtr& connection, const CallPtr& call);
  void run(const ConnectionPtr& connection, const CallPtr& call, std::int64_t replicas);
  void go_on(const ConnectionPtr& connection);
  void deliver(const ConnectionPtr& connection, const CallPtr& call, const AnswerPtr& answer);
  // What was held is, or never will be.
  void used(const ConnectionPtr& connection);

  World& world_;
  Daemon& daemon_;
  Topology* topology_;
  Link* link_ = nullptr;
  ConnectionPtr connection_;
  std::string peer_;
  std::deque<CallPtr> unsent_;  // added since the last flush
  std::deque<CallPtr> stuck_;   // flushed, and not out yet
};

}  // namespace rategate::sim
