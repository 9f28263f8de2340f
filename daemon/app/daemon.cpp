#include "daemon/app/daemon.hpp"

#include <unistd.h>

#include <cstdint>
#include <utility>

#include "daemon/app/sockets.hpp"
#include "daemon/base/version.hpp"
#include "daemon/io/shm/shm_access.hpp"
#include "daemon/metrics/status_text.hpp"
#include "daemon/os/descriptors.hpp"

namespace rategate {
namespace {

// Descriptors beside those of clients: the loop's, the log's, the store's, the sockets.
constexpr std::uint64_t kOwnDescriptors = 32;

}  // namespace

Daemon::Daemon(uv_loop_t* loop, const Options& options, Config config, Log& log, Notify& notify)
    : loop_(loop),
      config_(std::move(config)),
      log_(log),
      notify_(notify),
      engine_(loop, config_.fixed, log),
      server_(loop, config_, file_in_use(options), engine_, log),
      reload_(options, config_.fixed, server_, log),
      lifecycle_(loop, notify, *this),
      shutdown_(loop, config_.fixed.redis.command_timeout_ms, engine_, server_, log),
      signals_(loop, *this) {}

Result<bool> Daemon::start() {
  allow_for_clients();
  auto sockets = open_sockets(loop_, config_.fixed.server, notify_);
  if (!sockets) return Error{sockets.error()};
  auto access = ShmAccess::of(config_.fixed.server);
  if (!access) return Error{access.error()};
  socket_ = sockets->socket;
  tcp_ = sockets->tcp;
  server_.offer(std::move(*access));
  if (auto listening = server_.listen(std::move(sockets->listeners)); !listening) return listening;

  engine_.start(*this);
  lifecycle_.start_watchdog();
  return true;
}

void Daemon::allow_for_clients() {
  const auto descriptors = raise_descriptor_limit();
  const std::int64_t clients = config_.fixed.server.max_clients;
  if (!descriptors || *descriptors >= static_cast<std::uint64_t>(clients) + kOwnDescriptors) return;
  log_.event(LogLevel::Warning, "nofile_too_low",
             "RLIMIT_NOFILE does not allow for max_clients; clients beyond it wait",
             {{"nofile", *descriptors}, {"max_clients", clients}});
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
  lifecycle_.reloading();
  reload_.run();
  lifecycle_.reloaded();
}

void Daemon::stop_asked() {
  // Whoever asks twice does not want to wait for clients.
  if (lifecycle_.is_stopping()) _exit(1);
  lifecycle_.stopping();
  shutdown_.begin();
}

}  // namespace rategate
