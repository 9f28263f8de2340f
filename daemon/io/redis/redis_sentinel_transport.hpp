// A SentinelLink's way to its sentinel: a RedisConnection, and its replies as views.
//
// Not thread-safe.
#pragma once

#include <uv.h>

#include <string>
#include <string_view>

#include "daemon/io/loop/loop_watch.hpp"
#include "daemon/io/redis/redis_connection.hpp"
#include "daemon/store/sentinel/sentinel_link.hpp"

namespace rategate {

class RedisSentinelTransport final : public SentinelTransport, private RedisConnectionEvents {
 public:
  // Whatever is handed over by reference lives longer than this.
  RedisSentinelTransport(uv_loop_t* loop, RedisServer server, LoopWatch& watch);

  // Who is told of what happens; before connect(), and outlives it.
  void set_link(SentinelLink& link) { link_ = &link; }

  void connect() override { connection_.connect(server_); }
  void close() override { connection_.close(); }
  void send(std::string_view requests) override { connection_.send(requests); }
  void send_and_hear(std::string_view requests) override;
  Mono flush() override { return connection_.flush(); }
  std::string_view awaits() const override { return connection_.awaits(); }

 private:
  void connected(Mono now) override { link_->connected(now); }
  void closed(const std::string& why, Mono now) override { link_->closed(why, now); }
  void replied(const redisReply& reply, Mono received) override;
  void heard(Mono now) override { link_->heard(now); }

  const RedisServer server_;
  SentinelLink* link_ = nullptr;
  RedisConnection connection_;
};

}  // namespace rategate
