#include "daemon/io/redis/redis_transport.hpp"

#include <utility>

#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/redis/reply_view.hpp"

namespace rategate {
std::string address_of(const RedisConfig& config) {
  if (!config.unix_socket.empty()) return "unix:" + config.unix_socket;
  return address_of(config, {config.host, config.port});
}

std::string address_of(const RedisConfig& config, const HostPort& server) {
  return (config.tls ? "tls:" : "") + to_text(server) + "/" + std::to_string(config.db);
}

RedisTransport::RedisTransport(uv_loop_t* loop, const RedisConfig& config, const LoginConfig& login,
                               LoopWatch& watch, Topology* topology)
    : db_(config.db),
      login_(loop, login, config, *this),
      reserve_text_(reserve_script()),
      release_text_(release_script()),
      server_{config.unix_socket,           config.host, config.port, config, "redis",
              2 * config.command_timeout_ms},
      topology_(topology),
      connection_(loop, watch, *this) {}

void RedisTransport::connect() {
  switch (login_.prepare()) {
    case RedisLogin::Ready::Yes:
      return reach();
    case RedisLogin::Ready::Awaited:
      awaits_password_ = true;
      return;
    case RedisLogin::Ready::No:
      return link_->closed(login_.error(), mono_now());
  }
}

void RedisTransport::reach() {
  asked_ = false;
  if (topology_ != nullptr) {
    auto primary = topology_->primary(mono_now());
    // The link is told when there is one, or its time for connecting ends.
    if (!primary) return;
    server_.host = std::move(primary->host);
    server_.port = primary->port;
  }
  connection_.connect(server_);
}

void RedisTransport::close() {
  awaits_password_ = false;
  expected_.clear();
  connection_.close();
  if (topology_ != nullptr) topology_->left(mono_now());
}

std::string_view RedisTransport::awaits() const {
  if (awaits_password_) return RedisLogin::kAwaited;
  const std::string_view primary = topology_ == nullptr ? std::string_view() : topology_->awaits();
  return primary.empty() ? connection_.awaits() : primary;
}

// ---- Logging in ---------------------------------------------------------------------------

void RedisTransport::configure(const LoginConfig& login) {
  login_.configure(login);
  link_->set_auth(login_.has_password());
}

void RedisTransport::password_fetched(bool another) {
  tell_password_error();
  if (std::exchange(awaits_password_, false)) {
    if (login_.password().empty()) return link_->closed(login_.error(), mono_now());
    reach();
  } else if (another) {
    log_in_again();
    link_->try_again(mono_now());
  }
}

// Before it is greeted a connection has nothing to renew: the greeting brings the newest.
void RedisTransport::log_in_again() {
  if (!connection_.is_open() || !asked_ || login_.password().empty()) return;
  expected_.push_back({Call::Kind::Auth, true});
  write({Call::Kind::Auth});
  flush();
}

// Where the greeting is refused, the Link tells of it, and has let go of the connection.
void RedisTransport::told_of_password(const Reply& reply, bool in_place) {
  if (reply.is_error) {
    login_.refused(reply.text);
    if (in_place) tell_password_error();
    return;
  }
  login_.accepted();
  told_error_.clear();
  if (!in_place) return;
  link_->tell_news(StoreEvent::What::PasswordRenewed);
}

void RedisTransport::tell_password_error() {
  const std::string& error = login_.error();
  if (error.empty() || error == told_error_) return;
  told_error_ = error;
  link_->tell_news(StoreEvent::What::PasswordUnused, error);
}

// ---- Writing and reading ------------------------------------------------------------------

void RedisTransport::send(const Call& call) {
  if (!connection_.is_open()) return;
  Expected& expected = expected_.emplace_back(Expected{call.kind});
  if (!spare_parts_.empty()) {
    expected.reservations.swap(spare_parts_.back());
    spare_parts_.pop_back();
  }
  for (const Reservation& reservation : call.reservations) {
    expected.reservations.push_back(asked_of(reservation));
  }
  // A bucket is cleared by the script of reservations.
  if (call.clear.bucket) expected.reservations.push_back(asked_of(reservation_of(call.clear)));
  write(call);
}

void RedisTransport::write(const Call& call) {
  asked_ = true;
  if (call.kind == Call::Kind::Auth) connection_.hide(login_.password());
  buffer_.clear();
  append_call(buffer_, call, {login_.username(), login_.password(), db_}, reserve_text_,
              release_text_);
  connection_.send(buffer_);
}

void RedisTransport::replied(const redisReply& reply, Mono received) {
  if (expected_.empty()) return;
  Expected expected = std::move(expected_.front());
  expected_.pop_front();
  const Reply read = read_reply(view_of(reply), expected.kind, expected.reservations, answers_);
  if (expected.in_place) {
    told_of_password(read, true);
  } else {
    link_->replied(read, received, mono_now());
    if (expected.kind == Call::Kind::Auth) told_of_password(read, false);
  }
  if (expected.reservations.capacity() > 0 && spare_parts_.size() < Outbox::kMostCalls) {
    expected.reservations.clear();
    spare_parts_.push_back(std::move(expected.reservations));
  }
}

}  // namespace rategate
