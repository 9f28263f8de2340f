// An AskingLink's way to its server: a RedisConnection, and its replies as views.
//
// Not thread-safe.
#pragma once

#include <uv.h>

#include <string>
#include <string_view>

#include "daemon/io/loop/loop_watch.hpp"
#include "daemon/io/redis/asking_login.hpp"
#include "daemon/io/redis/redis_connection.hpp"
#include "daemon/store/asking_link.hpp"

namespace rategate {

class RedisAskingTransport : public AskingTransport, private RedisConnectionEvents {
 public:
  // Whatever is handed over by reference lives longer than this.
  RedisAskingTransport(uv_loop_t* loop, RedisServer server, AskingLogin& login, LoopWatch& watch);

  // The password that a connection was to wait for is there, or cannot be had.
  void password_fetched();

  void set_link(AskingLink& link) override { link_ = &link; }
  void connect() override;
  void close() override;
  void send(std::string_view requests) override { connection_.send(requests); }
  void send_and_hear(std::string_view requests) override;
  Mono flush() override { return connection_.flush(); }
  std::string login() const override;
  void logged_in(std::string_view error) override { login_.told(error); }
  std::string_view awaits() const override;

 private:
  void connected(Mono now) override { link_->connected(now); }
  void closed(const std::string& why, Mono now) override { link_->closed(why, now); }
  void replied(const redisReply& reply, Mono received) override;
  void heard(Mono now) override { link_->heard(now); }

  const RedisServer server_;
  AskingLogin& login_;
  bool awaits_password_ = false;  // before it connects
  AskingLink* link_ = nullptr;
  RedisConnection connection_;
};

}  // namespace rategate
