#include "daemon/app/daemon.hpp"

#include <unistd.h>

#include <cstdint>
#include <utility>

#include "daemon/app/sockets.hpp"
#include "daemon/base/version.hpp"
#include "daemon/io/redis/cluster_nodes.hpp"
#include "daemon/io/redis/sentinels.hpp"
#include "daemon/io/sessions/peer_access.hpp"
#include "daemon/io/sessions/peer_process.hpp"
#include "daemon/metrics/status_text.hpp"
#include "daemon/os/descriptors.hpp"
#include "daemon/proto/errors.hpp"

namespace rategate {
namespace {

// Descriptors that clients never get, because the daemon needs them later: for the store's
// connection and the one before it, for looking its name up (files, and a socket for each name
// server), for a reload, for a run of password_command, and for clients that are being turned away.
constexpr std::uint64_t kSpareDescriptors = 24;

// Bytes that an answer tells of a fault: paths may be long.
constexpr std::size_t kMostOfFault = 1024;

}  // namespace

Daemon::Daemon(uv_loop_t* loop, const Options& options, Config config, Log& log, Notify& notify)
    : loop_(loop),
      config_(std::move(config)),
      log_(log),
      notify_(notify),
      engine_(loop, config_, log),
      server_(loop, config_, file_in_use(options), engine_, *this, log),
      reload_(options, config_.fixed, engine_, server_, log),
      lifecycle_(loop, notify, *this),
      shutdown_(loop, config_.fixed.redis.command_timeout_ms, engine_, server_, log),
      signals_(loop, *this) {}

Result<bool> Daemon::start() {
  auto sockets = open_sockets(loop_, config_.fixed.server, notify_);
  if (!sockets) return Error{sockets.error()};
  auto accesses = PeerAccesses::of(config_.fixed.server);
  if (!accesses) return Error{accesses.error()};
  socket_ = sockets->socket;
  tcp_ = sockets->tcp;
  server_.offer(std::move(*accesses));
  if (auto listening = server_.listen(std::move(sockets->listeners)); !listening) return listening;

  warn_of_what_is_insecure();
  // Now that all is open but the connection to the store.
  allow_for_clients();
  engine_.start(*this);
  lifecycle_.start_watchdog();
  return true;
}

void Daemon::warn_of_what_is_insecure() {
  const FixedConfig& fixed = config_.fixed;
  if (fixed.store != StoreKind::Redis) return;
  if (fixed.redis.tls_insecure_no_verify) {
    log_.event(LogLevel::Warning, "tls_insecure",
               "the store's certificate is not verified: whoever is on the way to it can read the "
               "password and answer in its place",
               {{"setting", "tls_insecure_no_verify"}});
  }
  if (fixed.sentinel.tls_insecure_no_verify) {
    log_.event(LogLevel::Warning, "tls_insecure",
               "the sentinels' certificates are not verified: whoever is on the way to them can "
               "name another primary",
               {{"setting", "tls_insecure_no_verify in [sentinel]"}});
  }
}

void Daemon::allow_for_clients() {
  const auto descriptors = raise_descriptor_limit();
  if (!descriptors) return;
  const std::uint64_t own = open_descriptors(*descriptors) + kSpareDescriptors +
                            Sentinels::descriptors(config_.fixed) +
                            ClusterNodes::descriptors(config_.fixed);
  const std::uint64_t clients = *descriptors > own ? *descriptors - own : 1;
  const auto wanted = static_cast<std::uint64_t>(config_.fixed.server.max_clients);
  if (clients >= wanted) return;
  server_.allow_clients(static_cast<std::size_t>(clients));
  log_.event(LogLevel::Warning, "nofile_too_low",
             "RLIMIT_NOFILE does not allow for max_clients; clients beyond what it allows for are "
             "turned away",
             {{"nofile", *descriptors}, {"max_clients", wanted}, {"clients", clients}});
}

void Daemon::store_changed() {
  // It is ready when the store has answered, or is known not to: from then on every check is.
  if (lifecycle_.is_starting() && engine_.settled()) {
    log_ready();
    lifecycle_.ready();
  } else {
    lifecycle_.status_changed();
  }
}

void Daemon::log_ready() {
  log_.event(LogLevel::Info, "ready", "rategated listens",
             {{"version", kVersion},
              {"socket", socket_},
              {"tcp", tcp_},
              {"limits", server_.limit_table().configured_count()}});
}

std::string Daemon::status() const { return status_text(server_.overview(), reload_.fault()); }

void Daemon::reload_asked() {
  if (lifecycle_.is_stopping()) return;
  load_anew();
}

Reload::Outcome Daemon::load_anew() {
  lifecycle_.reloading();
  Reload::Outcome outcome = reload_.run();
  lifecycle_.reloaded();
  return outcome;
}

ReloadOutcome Daemon::reload(const Caller& caller) {
  if (lifecycle_.is_stopping()) return Refused{error_text(ErrorId::ShuttingDown)};
  log_.event(LogLevel::Info, "reload", "somebody has the configuration loaded anew",
             {{"client", shown_peer(caller.peer)}});
  Reload::Outcome outcome = load_anew();
  if (outcome.faults.empty()) return Reloaded{outcome.limits, std::move(outcome.needs_restart)};
  return Refused{
      error_text(ErrorId::NotReloaded,
                 {outcome.faults.size(), {to_text(outcome.faults.front()), kMostOfFault}})};
}

void Daemon::stop_asked() {
  // Whoever asks twice does not want to wait for clients.
  if (lifecycle_.is_stopping()) _exit(1);
  lifecycle_.stopping();
  shutdown_.begin();
}

}  // namespace rategate
