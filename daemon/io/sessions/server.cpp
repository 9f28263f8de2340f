#include "daemon/io/sessions/server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "daemon/base/nearest.hpp"
#include "daemon/base/version.hpp"
#include "daemon/config/address.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/proto/errors.hpp"
#include "daemon/proto/resp/reply_writer.hpp"

namespace rategate {
namespace {

constexpr std::size_t kReadBuffer = std::size_t{64} * 1024;
constexpr std::int64_t kSweepEveryUs = 100'000;

// Which connection, and which of its answers.
std::uint64_t ticket_of(const Connection& connection) {
  return connection.session().id << 32 | connection.next_number();
}

std::string error_of(Verdict verdict, const LimitPtr& limit) {
  return verdict == Verdict::Stopping ? error_text(ErrorId::ShuttingDown)
                                      : error_text(ErrorId::StoreDown, {limit->name});
}

}  // namespace

Server::Server(uv_loop_t* loop, const Config& config, std::string config_file, Engine& engine,
               Log& log)
    : loop_(loop),
      config_(config.fixed),
      config_file_(std::move(config_file)),
      engine_(engine),
      log_(log),
      limits_(static_cast<std::size_t>(config.fixed.server.max_declared)),
      read_buffer_(kReadBuffer),
      started_(mono_now()) {
  limits_.configure(config.live.limits);
  uv_prepare_init(loop, prepare_.get());
  prepare_.opened(this);
  uv_prepare_start(prepare_.get(), [](uv_prepare_t* prepare) {
    if (prepare->data != nullptr) static_cast<Server*>(prepare->data)->gone_.clear();
  });
  uv_timer_init(loop, idle_timer_.get());
  idle_timer_.opened(this);
}

Server::~Server() { close_all(); }

Result<bool> Server::listen(std::vector<std::unique_ptr<Listener>> listeners) {
  listeners_ = std::move(listeners);
  for (const auto& listener : listeners_) {
    auto listening = listener->listen([this](uv_stream_t* from) { accept(from); });
    if (!listening) return listening;
  }
  return true;
}

// ---- Connections --------------------------------------------------------------------------

void Server::accept(uv_stream_t* from) {
  ConnectionHost& host = *this;
  auto connection = std::make_unique<Connection>(loop_, host, ++stats_.accepted, mono_now());
  if (uv_accept(from, connection->stream()) != 0) return;
  if (connections_.size() >= static_cast<std::size_t>(config_.server.max_clients)) {
    if (stats_.rejected++ == 0) {
      log_.event(LogLevel::Warning, "max_clients",
                 "a client was turned away: there are max_clients already",
                 {{"max_clients", config_.server.max_clients}});
    }
    std::string reply;
    ReplyWriter(reply, 2).error(error_text(ErrorId::MaxClients));
    const uv_buf_t buf = uv_buf_init(reply.data(), static_cast<unsigned>(reply.size()));
    uv_try_write(connection->stream(), &buf, 1);
    return;
  }
  Connection& opened = *connection;
  connections_.emplace(static_cast<std::uint32_t>(opened.session().id), std::move(connection));
  opened.start();
  watch_idle();
}

void Server::closed(Connection& connection) {
  const auto found = connections_.find(static_cast<std::uint32_t>(connection.session().id));
  if (found == connections_.end()) return;
  gone_.push_back(std::move(found->second));
  connections_.erase(found);
  if (connections_.empty() && drained_) std::exchange(drained_, nullptr)();
}

uv_buf_t Server::read_buffer() {
  const std::size_t size = std::min(read_buffer_.size(), budget_.read_size());
  return uv_buf_init(read_buffer_.data(), static_cast<unsigned>(size));
}

void Server::drain(std::function<void()> drained) {
  listeners_.clear();
  if (idle_timer_.is_open()) uv_timer_stop(idle_timer_.get());
  std::vector<Connection*> all;
  for (const auto& [id, connection] : connections_) all.push_back(connection.get());
  drained_ = std::move(drained);
  for (Connection* connection : all) connection->drain();
  if (connections_.empty() && drained_) std::exchange(drained_, nullptr)();
}

void Server::close_all() {
  drained_ = nullptr;
  listeners_.clear();
  while (!connections_.empty()) connections_.begin()->second->close();
  gone_.clear();
  idle_timer_.close();
  prepare_.close();
}

// One timer for all: it rings when the connection that is idle for longest may be due.
void Server::watch_idle() {
  if (config_.server.idle_timeout_ms <= 0 || connections_.empty() ||
      uv_is_active(reinterpret_cast<uv_handle_t*>(idle_timer_.get())) != 0) {
    return;
  }
  Mono oldest = kNever;
  for (const auto& [id, connection] : connections_) {
    oldest = std::min(oldest, connection->active());
  }
  const Mono due = after(oldest, config_.server.idle_timeout_ms * 1000);
  const std::int64_t ms = std::max<std::int64_t>(1, (due.us - mono_now().us + 999) / 1000);
  uv_update_time(loop_);
  uv_timer_start(
      idle_timer_.get(),
      [](uv_timer_t* timer) {
        if (timer->data != nullptr) static_cast<Server*>(timer->data)->close_idle();
      },
      static_cast<std::uint64_t>(ms), 0);
}

void Server::close_idle() {
  const Mono now = mono_now();
  std::vector<Connection*> idle;
  for (const auto& [id, connection] : connections_) {
    if (connection->waiting() == 0 &&
        after(connection->active(), config_.server.idle_timeout_ms * 1000) <= now) {
      idle.push_back(connection.get());
    }
  }
  for (Connection* connection : idle) connection->close();
  watch_idle();
}

// ---- Requests and answers -----------------------------------------------------------------

Handled Server::handle(Connection& connection, const Args& args, std::string& out) {
  ++stats_.requests;
  asking_ = &connection;
  const Handled handled = dispatch(connection.session(), *this, args, out);
  asking_ = nullptr;
  return handled;
}

LimitUsePtr Server::find_limit(const CheckRequest& request, std::string& error) {
  if (const LimitUsePtr& known = limits_.configured(request.limit)) return known;
  const bool may_declare = config_.server.declared_limits;
  if (!request.declared || !may_declare) {
    const auto near = nearest(request.limit, limits_.names());
    error = no_limit_error(request.limit, near.value_or(std::string_view()),
                           request.declared.has_value());
    return nullptr;
  }
  auto declared = limits_.declared(request.limit, *request.declared, request.keyed);
  if (declared == nullptr) {
    // Counters of windows that are over may still hold some; looking for them costs a scan.
    const Mono now = mono_now();
    if (now >= after(swept_, kSweepEveryUs)) {
      swept_ = now;
      engine_.sweep();
      declared = limits_.declared(request.limit, *request.declared, request.keyed);
    }
  }
  if (declared == nullptr) {
    error = error_text(ErrorId::TooManyDeclared, {config_.server.max_declared});
  }
  return declared;
}

CheckOutcome Server::check(Session&, const CheckRequest& request) {
  // Most checks: the pointer is not even copied, which would cost two locked instructions.
  if (const LimitUsePtr& known = limits_.configured(request.limit)) return ask(known, request);
  std::string error;
  const LimitUsePtr limit = find_limit(request, error);
  if (limit == nullptr) return Refused{std::move(error)};
  return ask(limit, request);
}

CheckOutcome Server::ask(const LimitUsePtr& limit, const CheckRequest& request) {
  const CheckResult result =
      engine_.check(limit, request.key, request.cost, ticket_of(*asking_), asking_->moment());
  if (result.waits) {
    asking_->park(result.waiter);
    return Parked{};
  }
  if (result.verdict != Verdict::Decided) {
    return Refused{error_of(result.verdict, limit->limit)};
  }
  return result.decision;
}

std::int64_t Server::repeat(const CheckRequest& request, const Decision& decided,
                            std::int64_t count) {
  const LimitUsePtr& limit = limits_.configured(request.limit);
  if (!limit) return 0;  // declared in the call: as rare as it is dear to find
  const std::int64_t repeated =
      engine_.repeat(limit, request.key, request.cost, decided, count, asking_->moment());
  stats_.requests += static_cast<std::uint64_t>(repeated);
  return repeated;
}

void Server::configure(const LiveConfig& live) {
  if (limits_.configure(live.limits)) engine_.drop_limits();
}

ResolveOutcome Server::resolve(Session&, const CheckRequest& request) {
  std::string error;
  const LimitUsePtr use = find_limit(request, error);
  if (use == nullptr) return Refused{std::move(error)};
  const Limit& limit = *use->limit;
  return Resolved{use->rule, limit.permits, limit.period_ms,
                  use->leased && engine_.segment() != nullptr, limit.redis_key.has_key()};
}

AttachOutcome Server::attach(Session&) {
  Segment* segment = engine_.segment();
  // Descriptors are passed over Unix sockets alone.
  const bool local = peer_address(asking_->fd()).size == 0;
  if (segment == nullptr || !shm_access_ || !local) return Refused{error_text(ErrorId::NoShm)};
  if (!shm_access_->allows(asking_->fd())) return Refused{error_text(ErrorId::ShmDenied)};
  if (!asking_->may_attach()) return Refused{error_text(ErrorId::AttachAlone)};
  ++stats_.attached;
  engine_.share();
  const SharedPools& pools = segment->pools();
  return Attached{RG_SHM_LAYOUT_VERSION, pools.generation(), mono_now_ns(), pools.bytes()};
}

std::array<int, 2> Server::attach_fds() {
  return {engine_.segment()->memory_fd(), engine_.segment()->nudge_fd()};
}

void Server::answered(const Answer& answer) {
  const auto id = static_cast<std::uint32_t>(answer.ticket >> 32);
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  reply_.clear();
  if (answer.verdict == Verdict::Decided) {
    write_decision(reply_, answer.decision);
  } else {
    ReplyWriter(reply_, 2).error(error_of(answer.verdict, answer.limit));
  }
  found->second->answered(static_cast<std::uint32_t>(answer.ticket), reply_);
  if (touched_.empty() || touched_.back() != id) touched_.push_back(id);
}

void Server::answers_done() {
  std::vector<std::uint32_t> touched;
  touched.swap(touched_);
  for (const std::uint32_t id : touched) {
    const auto found = connections_.find(id);
    if (found != connections_.end()) found->second->settle();
  }
}

// ---- What there is to know ----------------------------------------------------------------

std::string_view Server::version() const { return kVersion; }

ClientStatus Server::status_of(const Connection& connection) const {
  const Session& session = connection.session();
  const Mono now = mono_now();
  ClientStatus status;
  status.id = session.id;
  const TcpAddress remote = peer_address(connection.fd());
  status.addr = remote.size == 0 ? config_.server.socket : to_text(remote);
  ucred peer{};
  socklen_t size = sizeof peer;
  if (remote.size == 0 && getsockopt(connection.fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
    status.pid = peer.pid;
    status.uid = peer.uid;
  }
  status.name = session.name;
  status.lib_name = session.lib_name;
  status.lib_version = session.lib_version;
  status.age_s = (now.us - connection.since().us) / 1'000'000;
  status.idle_s = (now.us - connection.active().us) / 1'000'000;
  status.resp = session.resp;
  status.waiting = connection.waiting();
  status.last_command = session.last_command;
  return status;
}

std::vector<ClientStatus> Server::clients() {
  std::vector<ClientStatus> result;
  result.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) result.push_back(status_of(*connection));
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return result;
}

ClientStatus Server::client(const Session&) { return status_of(*asking_); }

}  // namespace rategate
