// All connections: who is accepted, who is served in a turn of the loop, who has been idle for too
// long, and how all of them end. What a client asks is answered elsewhere.
#pragma once

#include <uv.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/base/result.hpp"
#include "daemon/base/seldom.hpp"
#include "daemon/config/config.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/net/listener.hpp"
#include "daemon/io/sessions/connection.hpp"
#include "daemon/io/sessions/workbench.hpp"
#include "daemon/proto/service.hpp"

namespace rategate {

// What the sessions tell.
class SessionsEvents {
 public:
  SessionsEvents() = default;
  SessionsEvents(const SessionsEvents&) = delete;
  SessionsEvents& operator=(const SessionsEvents&) = delete;
  virtual ~SessionsEvents() = default;

  // After drain(): the last connection has ended.
  virtual void drained() = 0;
};

class Sessions final : private ConnectionEvents, private ListenerEvents {
 public:
  // Whatever is handed over by reference lives longer than this.
  Sessions(uv_loop_t* loop, const ServerConfig& config, const Services& services, LoopWatch& watch,
           Log& log);
  ~Sessions() override;

  // How many connections there may be, from now on.
  void allow(std::size_t most) { most_ = most; }
  Result<bool> listen(std::vector<std::unique_ptr<Listener>> listeners);

  // The answer of a parked check; who has gone gets none.
  void answered(std::uint64_t ticket, std::string_view reply);
  // After a batch of them: they are written.
  void answers_done();

  // All that had come up in this turn of the loop is handled, and it waits next.
  void turn_over();

  // The daemon stops: nobody is accepted any more, and what has arrived is answered.
  void drain(SessionsEvents& events);

  std::size_t count() const { return connections_.size(); }
  std::size_t most() const { return most_; }
  const SessionStats& stats() const { return bench_.stats; }
  const OutputBudget& budget() const { return bench_.budget; }
  // In the order in which they came, those with an id above `after`, and so many at most.
  std::vector<const Connection*> some(std::uint64_t after, std::size_t most) const;
  const Connection& of(const Caller& caller) const { return *connections_.at(caller.flow); }

 private:
  void closed(Connection& connection) override;
  void ready() override;
  void broke_protocol(const Connection& connection, const std::string& error) override;
  void arrived(Listener& at) override;

  void accept(Listener& at);
  void turn_away(Connection& connection);
  Connection* find(std::uint32_t id) const;
  void serve_ready();
  void watch_idle();
  void close_idle();
  void tell_if_drained();
  void close_all();

  uv_loop_t* loop_;
  Log& log_;
  std::size_t most_;  // connections
  const std::int64_t idle_timeout_ms_;
  Workbench bench_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<Listener*> arrived_;  // at each of these a client waits for the next turn
  std::unordered_map<std::uint32_t, std::unique_ptr<Connection>> connections_;
  std::map<std::uint64_t, const Connection*> in_order_;  // the same by their ids, to be listed
  std::vector<std::unique_ptr<Connection>> gone_;        // closed, freed at the end of the turn
  std::vector<std::uint32_t> touched_;  // have got answers that are not written yet
  Connection* last_touched_ = nullptr;  // the last of them, as long as it is open
  UvHandle<uv_idle_t> awake_;           // active while somebody is ready for the next turn
  UvHandle<uv_timer_t> idle_timer_;
  SessionsEvents* draining_for_ = nullptr;
  Seldom turned_away_;
  Seldom protocol_errors_;
};

}  // namespace rategate
