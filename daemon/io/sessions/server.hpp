// The daemon's face: the listening sockets, the connections, and what the verbs ask for. It owns
// the limits and the connections; checks go through it to the engine, and answers back through it
// to the connection that keeps their place.
#pragma once

#include <uv.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/engine.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/net/listener.hpp"
#include "daemon/io/sessions/connection.hpp"
#include "daemon/io/sessions/output_budget.hpp"
#include "daemon/io/shm/shm_access.hpp"
#include "daemon/limit/limit_table.hpp"
#include "daemon/metrics/snapshot.hpp"
#include "daemon/proto/service.hpp"

namespace rategate {

class Server final : public Service, private ConnectionHost {
 public:
  Server(uv_loop_t* loop, const Config& config, std::string config_file, Engine& engine, Log& log);
  ~Server() override;

  Result<bool> listen(std::vector<std::unique_ptr<Listener>> listeners);
  void configure(const LiveConfig& live);
  // Shared memory is offered from now on, to those that may have it.
  void offer(ShmAccess access) { shm_access_ = std::move(access); }

  // The engine's answers.
  void answered(const Answer& answer);
  void answers_done();

  // The daemon stops: accepts nobody, answers what has arrived; `drained` once all have gone.
  void drain(std::function<void()> drained);
  void close_all();

  std::size_t clients_count() const { return connections_.size(); }
  const LimitTable& limit_table() const { return limits_; }
  Overview overview() const;

  // Service.
  CheckOutcome check(Session& session, const CheckRequest& request) override;
  std::int64_t repeat(const CheckRequest& request, const Decision& decided,
                      std::int64_t count) override;
  ResolveOutcome resolve(Session& session, const CheckRequest& request) override;
  AttachOutcome attach(Session& session) override;
  std::string_view version() const override;
  Snapshot snapshot() override;
  std::vector<ClientStatus> clients() override;
  ClientStatus client(const Session& session) override;
  bool output_full() const override { return budget_.full(); }

 private:
  // ConnectionHost.
  Handled handle(Connection& connection, const Args& args, std::string& out) override;
  void abandon(WaiterId waiter) override { engine_.abandon(waiter); }
  void protocol_error() override { ++stats_.protocol_errors; }
  void closed(Connection& connection) override;
  uv_buf_t read_buffer() override;
  Args& args() override { return args_; }
  std::string& scratch() override { return scratch_; }
  OutputBudget& budget() override { return budget_; }
  std::array<int, 2> attach_fds() override;
  std::size_t max_request() const override {
    return static_cast<std::size_t>(config_.server.max_request);
  }
  std::size_t max_pending() const override {
    return static_cast<std::size_t>(config_.server.max_pending);
  }

  void accept(uv_stream_t* from);
  LimitUsePtr find_limit(const CheckRequest& request, std::string& error);
  CheckOutcome ask(const LimitUsePtr& limit, const CheckRequest& request);
  ClientStatus status_of(const Connection& connection) const;
  void watch_idle();
  void close_idle();

  uv_loop_t* loop_;
  const FixedConfig config_;
  const std::string config_file_;
  Engine& engine_;
  Log& log_;
  LimitTable limits_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unordered_map<std::uint32_t, std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> gone_;  // closed, freed on the next turn
  std::vector<std::uint32_t> touched_;             // have got answers that are not written yet
  UvHandle<uv_prepare_t> prepare_;
  UvHandle<uv_timer_t> idle_timer_;
  std::function<void()> drained_;
  std::optional<ShmAccess> shm_access_;

  OutputBudget budget_;
  Args args_;
  std::string scratch_;
  std::string reply_;
  std::vector<char> read_buffer_;
  Connection* asking_ = nullptr;  // whose request is being handled
  SessionStats stats_;
  Mono started_;
  Mono swept_{0};
};

}  // namespace rategate
