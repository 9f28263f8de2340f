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

RedisTransport::RedisTransport(uv_loop_t* loop, const RedisConfig& config, LoopWatch& watch,
                               Topology* topology)
    : login_{config.username, config.password, config.db},
      reserve_text_(reserve_script()),
      release_text_(release_script()),
      server_{config.unix_socket, config.host, config.port, config, "redis"},
      topology_(topology),
      connection_(loop, watch, *this) {}

void RedisTransport::connect() {
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
  expected_.clear();
  connection_.close();
  if (topology_ != nullptr) topology_->left(mono_now());
}

std::string_view RedisTransport::awaits() const {
  const std::string_view primary = topology_ == nullptr ? std::string_view() : topology_->awaits();
  return primary.empty() ? connection_.awaits() : primary;
}

void RedisTransport::send(const Call& call) {
  if (!connection_.is_open()) return;
  buffer_.clear();
  append_call(buffer_, call, login_, reserve_text_, release_text_);
  Expected& expected = expected_.emplace_back(Expected{call.kind});
  if (!spare_parts_.empty()) {
    expected.reservations.swap(spare_parts_.back());
    spare_parts_.pop_back();
  }
  for (const Reservation& reservation : call.reservations) {
    expected.reservations.push_back(asked_of(reservation));
  }
  connection_.send(buffer_);
}

void RedisTransport::replied(const redisReply& reply, Mono received) {
  if (expected_.empty()) return;
  Expected expected = std::move(expected_.front());
  expected_.pop_front();
  const Reply read = read_reply(view_of(reply), expected.kind, expected.reservations, answers_);
  link_->replied(read, received, mono_now());
  if (expected.reservations.capacity() > 0 && spare_parts_.size() < Outbox::kMostCalls) {
    expected.reservations.clear();
    spare_parts_.push_back(std::move(expected.reservations));
  }
}

}  // namespace rategate
