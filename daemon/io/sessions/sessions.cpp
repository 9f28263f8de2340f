#include "daemon/io/sessions/sessions.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/sessions/peer_process.hpp"
#include "daemon/proto/errors.hpp"
#include "daemon/proto/resp/reply_writer.hpp"

namespace rategate {

Sessions::Sessions(uv_loop_t* loop, const ServerConfig& config, const Services& services,
                   LoopWatch& watch, Log& log)
    : loop_(loop),
      log_(log),
      most_(static_cast<std::size_t>(config.max_clients)),
      idle_timeout_ms_(config.idle_timeout_ms),
      bench_(config, services, watch) {
  uv_idle_init(loop, awake_.get());
  awake_.opened(this);
  uv_timer_init(loop, idle_timer_.get());
  idle_timer_.opened(this);
}

Sessions::~Sessions() { close_all(); }

Result<bool> Sessions::listen(std::vector<std::unique_ptr<Listener>> listeners) {
  listeners_ = std::move(listeners);
  for (const auto& listener : listeners_) {
    auto listening = listener->listen(*this);
    if (!listening) return listening;
  }
  return true;
}

Connection* Sessions::find(std::uint32_t id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

std::vector<const Connection*> Sessions::some(std::uint64_t after, std::size_t most) const {
  std::vector<const Connection*> result;
  for (auto at = in_order_.upper_bound(after); at != in_order_.end() && result.size() < most;
       ++at) {
    result.push_back(at->second);
  }
  return result;
}

// ---- Who comes and goes -------------------------------------------------------------------

// Whoever connects without end is accepted a few times a turn only. libuv asks for no further
// client of that listener before this one is accepted.
void Sessions::arrived(Listener& at) {
  if (bench_.turn.may_accept()) {
    accept(at);
  } else {
    arrived_.push_back(&at);
  }
}

void Sessions::accept(Listener& at) {
  ConnectionEvents& events = *this;
  const Mono now = mono_now();
  bench_.watch.works(now);
  auto connection =
      std::make_unique<Connection>(loop_, events, bench_, ++bench_.stats.accepted, now);
  if (!at.accept(connection->stream())) return;
  if (connections_.size() + bench_.services.sharing.kept_sockets() >= most_) {
    turn_away(*connection);
    return;
  }
  Connection& opened = *connection;
  in_order_.emplace_hint(in_order_.end(), opened.session().id, &opened);
  connections_.emplace(static_cast<std::uint32_t>(opened.session().id), std::move(connection));
  opened.start(at.is_local());
  watch_idle();
}

void Sessions::turn_away(Connection& connection) {
  ++bench_.stats.rejected;
  if (const std::uint64_t times = turned_away_.happened(mono_now())) {
    log_.event(LogLevel::Warning, "max_clients",
               "clients were turned away: there are as many as there may be",
               {{"max_clients", most_}, {"times", times}});
  }
  std::string reply;
  ReplyWriter(reply, 2).error(error_text(ErrorId::MaxClients));
  const uv_buf_t buf = uv_buf_init(reply.data(), static_cast<unsigned>(reply.size()));
  uv_try_write(connection.stream(), &buf, 1);
}

void Sessions::closed(Connection& connection) {
  const auto found = connections_.find(static_cast<std::uint32_t>(connection.session().id));
  if (found == connections_.end()) return;
  if (last_touched_ == &connection) last_touched_ = nullptr;
  gone_.push_back(std::move(found->second));
  connections_.erase(found);
  in_order_.erase(connection.session().id);
  tell_if_drained();
}

void Sessions::broke_protocol(const Connection& connection, const std::string& error) {
  if (const std::uint64_t times = protocol_errors_.happened(mono_now())) {
    log_.event(LogLevel::Warning, "protocol_error",
               "clients were cut off: what they sent is not the Redis protocol",
               {{"client", shown_peer(connection.peer())}, {"error", error}, {"times", times}});
  }
}

void Sessions::drain(SessionsEvents& events) {
  arrived_.clear();
  listeners_.clear();
  uv_timer_stop(idle_timer_.get());
  std::vector<Connection*> all;
  for (const auto& [id, connection] : connections_) all.push_back(connection.get());
  draining_for_ = &events;
  for (Connection* connection : all) connection->drain();
  tell_if_drained();
}

void Sessions::tell_if_drained() {
  if (!connections_.empty() || draining_for_ == nullptr) return;
  std::exchange(draining_for_, nullptr)->drained();
}

void Sessions::close_all() {
  draining_for_ = nullptr;
  arrived_.clear();
  listeners_.clear();
  while (!connections_.empty()) connections_.begin()->second->close();
  gone_.clear();
}

// ---- Turns of the loop --------------------------------------------------------------------

// Whoever is ready is not waited for: the loop comes round again.
void Sessions::ready() {
  uv_idle_start(awake_.get(), [](uv_idle_t* idle) {
    if (idle->data != nullptr) static_cast<Sessions*>(idle->data)->serve_ready();
  });
}

// Before the store is asked in this turn, so that it is asked for these as well.
void Sessions::serve_ready() {
  while (const auto id = bench_.turn.next()) {
    if (Connection* const connection = find(*id)) connection->resume();
  }
  if (arrived_.empty() && !bench_.turn.anybody_ready()) uv_idle_stop(awake_.get());
}

// A turn is from wait to wait, so that whoever comes meanwhile waits for one slice of each of the
// others and not for two: in libuv's order those who were ready are served after what has come.
void Sessions::turn_over() {
  gone_.clear();
  bench_.turn.begin();
  while (!arrived_.empty() && bench_.turn.may_accept()) {
    Listener& at = *arrived_.front();
    arrived_.erase(arrived_.begin());
    accept(at);
  }
  if (!arrived_.empty()) ready();
}

// ---- Answers ------------------------------------------------------------------------------

void Sessions::answered(std::uint64_t ticket, std::string_view reply) {
  const auto id = static_cast<std::uint32_t>(ticket >> 32);
  // Answers to checks that were sent together come together.
  if (last_touched_ == nullptr || touched_.back() != id) {
    last_touched_ = find(id);
    if (last_touched_ == nullptr) return;
    touched_.push_back(id);
  }
  last_touched_->answered(static_cast<std::uint32_t>(ticket), reply);
}

void Sessions::answers_done() {
  std::vector<std::uint32_t> touched;
  touched.swap(touched_);
  last_touched_ = nullptr;
  for (const std::uint32_t id : touched) {
    if (Connection* const connection = find(id)) connection->settle();
  }
}

// ---- Idle ones ----------------------------------------------------------------------------

// One timer for all: it rings when the connection that is idle for longest may be due.
void Sessions::watch_idle() {
  if (idle_timeout_ms_ <= 0 || connections_.empty() ||
      uv_is_active(reinterpret_cast<uv_handle_t*>(idle_timer_.get())) != 0) {
    return;
  }
  Mono oldest = kNever;
  for (const auto& [id, connection] : connections_) {
    oldest = std::min(oldest, connection->active());
  }
  const Mono due = after(oldest, idle_timeout_ms_ * 1000);
  // Each time all are looked at, so it does not ring for each of them by itself.
  const std::int64_t ms =
      std::max<std::int64_t>({1, idle_timeout_ms_ / 64, (due.us - mono_now().us + 999) / 1000});
  uv_update_time(loop_);
  uv_timer_start(
      idle_timer_.get(),
      [](uv_timer_t* timer) {
        if (timer->data != nullptr) static_cast<Sessions*>(timer->data)->close_idle();
      },
      static_cast<std::uint64_t>(ms), 0);
}

void Sessions::close_idle() {
  const Mono now = mono_now();
  std::vector<Connection*> idle;
  for (const auto& [id, connection] : connections_) {
    // Who is at work has nothing to say meanwhile.
    if (connection->session().enters && bench_.services.checks.has_entered(id)) continue;
    if (connection->parked() == 0 && after(connection->active(), idle_timeout_ms_ * 1000) <= now) {
      idle.push_back(connection.get());
    }
  }
  for (Connection* connection : idle) connection->close();
  watch_idle();
}

}  // namespace rategate
