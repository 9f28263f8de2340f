// One connection to a server that speaks Redis' protocol: an asynchronous hiredis context on the
// daemon's loop. It looks the name up, connects, has TLS put under the connection where that is
// asked for, and carries requests and replies with the moments at which they were written and read.
// What is said, and what is made of an answer, is the business of whoever owns it.
//
// Not thread-safe.
#pragma once

#include <hiredis/async.h>
#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/config/config.hpp"
#include "daemon/io/loop/loop_watch.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/redis/tls_relay.hpp"

namespace rategate {

// Where a server is, and how it is spoken with.
struct RedisServer {
  std::string unix_socket;  // not empty: instead of host and port
  std::string host;
  std::int64_t port = 0;
  TlsConfig tls;
  std::string_view section;  // of the configuration, that `tls` stands in; outlives the server
  std::int64_t notice_dead_ms = 0;  // of TCP: a host that vanishes is to be noticed within
};

// What a connection tells whoever owns it, never from within a call but connect(), which may tell
// at once that it failed.
class RedisConnectionEvents {
 public:
  RedisConnectionEvents() = default;
  RedisConnectionEvents(const RedisConnectionEvents&) = delete;
  RedisConnectionEvents& operator=(const RedisConnectionEvents&) = delete;
  virtual ~RedisConnectionEvents() = default;

  virtual void connected(Mono now) = 0;
  // It could not be made, or has ended.
  virtual void closed(const std::string& why, Mono now) = 0;
  // The reply to the next of the requests, `received` right after it was read.
  virtual void replied(const redisReply& reply, Mono received) = 0;
  // Something came that was not asked for; after hear_out() alone.
  virtual void heard(Mono) {}
};

class RedisConnection {
 public:
  // Whatever is handed over by reference lives longer than this.
  RedisConnection(uv_loop_t* loop, LoopWatch& watch, RedisConnectionEvents& events);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // Makes the connection; connected() or closed() tells how that went.
  void connect(const RedisServer& server);
  // Lets go of the connection, if there is one. Nothing is told of it any more.
  void close();
  // Adds requests to what the next flush writes. One reply is handed out for them.
  void send(std::string_view requests);
  // No error that is told from now on has it in it: see hide_secret().
  void hide(std::string_view secret) { secret_ = secret; }
  // Writes what was added since the last one. Returns a reading of the clock from right before.
  Mono flush();
  // What comes unasked is no fault of this connection, but told by heard(), whatever it is.
  void hear_out() { hears_ = true; }

  // What a connection that is not made yet waits for, in words; empty where that says it all.
  std::string_view awaits() const;
  bool is_open() const { return context_ != nullptr; }
  // Whom it is to, by address ("10.0.0.1:6379"); empty over a Unix socket.
  std::string_view peer() const { return peer_; }
  // Everything that was flushed has left this process.
  bool is_written() const { return !want_write_ && (relay_ == nullptr || relay_->is_written()); }

 private:
  struct Resolve;  // a look-up under way; it may outlive the connection

  void resolve();
  void open_next(const std::string& why);
  void open(const std::string& address);
  void adopt(redisAsyncContext* context);
  void ended(const std::string& why);
  std::string unread_error() const;
  bool is_unasked_reply() const;
  void unasked();
  void on_poll(int status, int events);
  void on_tcp_connected();
  Result<std::unique_ptr<TlsRelay>> make_relay() const;
  void on_received();
  void read_relay();
  Mono write_out();
  void poll_for(int events);
  void on_connected(bool ok);
  void on_disconnected();
  void on_reply(redisReply& reply);

  static void add_read(void* self);
  static void nothing(void*) {}
  static void add_write(void* self);
  static void del_write(void* self);
  static void cleanup(void* self);

  uv_loop_t* loop_;
  LoopWatch& watch_;
  RedisConnectionEvents& events_;
  RedisServer server_;
  redisReplyObjectFunctions objects_{};   // how replies are made
  redisAsyncContext* context_ = nullptr;  // freed by hiredis
  UvHandle<uv_poll_t>* poll_ = nullptr;   // of context_
  std::unique_ptr<TlsRelay> relay_;       // under context_, from its TCP connection on; or null
  int polled_ = 0;
  bool connecting_ = false;  // by TCP
  bool want_write_ = false;  // hiredis has bytes that are not written
  bool answered_ = false;    // anything, on this connection
  bool hears_ = false;       // what comes unasked is told, on this connection
  bool has_heard_ = false;   // something came so
  Resolve* resolve_ = nullptr;
  std::string peer_;
  std::deque<std::string> addresses_;  // of the server's name, that were not tried yet
  std::uint64_t attempts_ = 0;
  std::size_t awaited_ = 0;  // replies
  std::string secret_;
  Mono received_;  // right after the last read
};

}  // namespace rategate
