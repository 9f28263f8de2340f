// The Link's way to one Redis or Valkey server: calls as the requests of a RedisConnection, and its
// replies as what the Link reads. What is asked, when, and what is made of an answer is the Link's
// business.
//
// Not thread-safe.
#pragma once

#include <uv.h>

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/host_port.hpp"
#include "daemon/config/config.hpp"
#include "daemon/io/loop/loop_watch.hpp"
#include "daemon/io/redis/redis_connection.hpp"
#include "daemon/io/redis/redis_login.hpp"
#include "daemon/store/call.hpp"
#include "daemon/store/link.hpp"
#include "daemon/store/redis/words.hpp"
#include "daemon/store/topology.hpp"

namespace rategate {

// As a person would write it, without password. The second is of a server that is found out.
std::string address_of(const RedisConfig& config);
std::string address_of(const RedisConfig& config, const HostPort& server);

class RedisTransport final : public Transport,
                             private RedisConnectionEvents,
                             private RedisLoginEvents {
 public:
  // Where a topology is given, it says which server to connect to, in place of the configuration.
  // Whatever is handed over by reference or pointer lives longer than this.
  RedisTransport(uv_loop_t* loop, const RedisConfig& config, const LoginConfig& login,
                 LoopWatch& watch, Topology* topology = nullptr);

  // Who is told of what happens; before connect(), and outlives it.
  void set_link(Link& link) { link_ = &link; }
  // Who logs in from now on, and with what: a connection that is there logs in again in place, and
  // stays whatever the answer is.
  void configure(const LoginConfig& login);
  // There is a password, or will be.
  bool has_password() const { return login_.has_password(); }
  // Why the newest password is not in use; empty where it is.
  const std::string& password_error() const { return login_.error(); }

  void connect() override;
  void close() override;
  void send(const Call& call) override;
  Mono flush() override { return connection_.flush(); }
  std::string_view awaits() const override;
  std::string_view peer() const override { return connection_.peer(); }
  bool is_written() const override { return connection_.is_written(); }

 private:
  // What a reply is to be read as.
  struct Expected {
    Call::Kind kind;
    bool in_place = false;  // asked by the transport itself
    std::vector<ReserveAsked> reservations{};
  };

  void connected(Mono now) override { link_->connected(now); }
  void closed(const std::string& why, Mono now) override { link_->closed(why, now); }
  void replied(const redisReply& reply, Mono received) override;
  void password_fetched(bool another) override;

  void reach();
  void write(const Call& call);
  void log_in_again();
  void tell_password_error();
  void told_of_password(const Reply& reply, bool in_place);

  const std::int64_t db_;
  RedisLogin login_;
  bool awaits_password_ = false;  // before it connects
  bool asked_ = false;            // anything, on this connection
  std::string told_error_;        // login_'s, the last that was told
  const std::string reserve_text_;
  const std::string release_text_;
  RedisServer server_;
  Topology* const topology_;  // null: the server is always the same
  Link* link_ = nullptr;
  RedisConnection connection_;
  std::deque<Expected> expected_;                       // in the order of the replies to come
  std::string buffer_;                                  // a call being written down
  std::vector<ReserveAnswer> answers_;                  // to one call; kept for their memory
  std::vector<std::vector<ReserveAsked>> spare_parts_;  // of calls that were answered
};

}  // namespace rategate
