// One connection to a Redis or Valkey server: an asynchronous hiredis context on the daemon's loop.
// It looks the name up, connects, has TLS put under the connection where that is asked for, and
// carries calls and replies with the moments at which they were written and read. What is asked,
// when, and what is made of an answer is the Link's business.
//
// Not thread-safe.
#pragma once

#include <hiredis/async.h>
#include <uv.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/io/loop/loop_watch.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/redis/tls_relay.hpp"
#include "daemon/store/call.hpp"
#include "daemon/store/link.hpp"
#include "daemon/store/redis/words.hpp"

namespace rategate {

// As a person would write it, without password.
std::string address_of(const RedisConfig& config);

class RedisTransport final : public Transport {
 public:
  // Whatever is handed over by reference lives longer than this.
  RedisTransport(uv_loop_t* loop, const RedisConfig& config, LoopWatch& watch);
  ~RedisTransport() override;

  // Who is told of what happens; before connect(), and outlives it.
  void set_link(Link& link) { link_ = &link; }

  void connect() override;
  void close() override;
  void send(const Call& call) override;
  Mono flush() override;
  std::string_view awaits() const override;
  bool is_written() const override {
    return !want_write_ && (relay_ == nullptr || relay_->is_written());
  }

 private:
  struct Resolve;  // a look-up under way; it may outlive the transport
  // What a reply is to be read as.
  struct Expected {
    Call::Kind kind;
    std::vector<ReserveAsked> reservations{};
  };

  void resolve();
  void open_next(const std::string& why);
  void open(const std::string& address);
  void adopt(redisAsyncContext* context);
  void ended(const std::string& why);
  std::string unread_error() const;
  bool is_unasked_reply() const;
  void on_poll(int status, int events);
  void on_tcp_connected();
  Result<std::unique_ptr<TlsRelay>> make_relay() const;
  void on_received();
  void read_relay();
  Mono write_out();
  void poll_for(int events);
  void on_connected(bool ok);
  void on_disconnected();
  void on_reply(const redisReply* reply);

  static void add_read(void* self);
  static void nothing(void*) {}
  static void add_write(void* self);
  static void del_write(void* self);
  static void cleanup(void* self);

  uv_loop_t* loop_;
  LoopWatch& watch_;
  const RedisConfig config_;
  const Login login_;
  const std::string reserve_text_;
  const std::string release_text_;
  Link* link_ = nullptr;
  redisReplyObjectFunctions objects_{};   // how replies are made
  redisAsyncContext* context_ = nullptr;  // freed by hiredis
  UvHandle<uv_poll_t>* poll_ = nullptr;   // of context_
  std::unique_ptr<TlsRelay> relay_;       // under context_, from its TCP connection on; or null
  int polled_ = 0;
  bool connecting_ = false;  // by TCP
  bool want_write_ = false;  // hiredis has bytes that are not written
  bool answered_ = false;    // anything, on this connection
  Resolve* resolve_ = nullptr;
  std::deque<std::string> addresses_;  // of the store's name, that were not tried yet
  std::uint64_t attempts_ = 0;

  std::deque<Expected> expected_;                       // in the order of the replies to come
  Mono received_;                                       // right after the last read
  std::string buffer_;                                  // a call being written down
  std::vector<ReserveAnswer> answers_;                  // to one call; kept for their memory
  std::vector<std::vector<ReserveAsked>> spare_parts_;  // of calls that were answered
};

}  // namespace rategate
