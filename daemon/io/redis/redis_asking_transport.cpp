#include "daemon/io/redis/redis_asking_transport.hpp"

#include <utility>

#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/redis/reply_view.hpp"
#include "daemon/store/redis/words.hpp"

namespace rategate {

RedisAskingTransport::RedisAskingTransport(uv_loop_t* loop, RedisServer server, AskingLogin& login,
                                           LoopWatch& watch)
    : server_(std::move(server)), login_(login), connection_(loop, watch, *this) {}

void RedisAskingTransport::connect() {
  switch (login_.prepare()) {
    case RedisLogin::Ready::Yes:
      return connection_.connect(server_);
    case RedisLogin::Ready::Awaited:
      awaits_password_ = true;
      return;
    case RedisLogin::Ready::No:
      return link_->closed(login_.error(), mono_now());
  }
}

void RedisAskingTransport::password_fetched() {
  if (!std::exchange(awaits_password_, false)) return;
  if (login_.password().empty()) return link_->closed(login_.error(), mono_now());
  connection_.connect(server_);
}

void RedisAskingTransport::close() {
  awaits_password_ = false;
  connection_.close();
}

std::string RedisAskingTransport::login() const {
  if (login_.password().empty()) return {};
  return login_request(login_.username(), login_.password());
}

std::string_view RedisAskingTransport::awaits() const {
  return awaits_password_ ? RedisLogin::kAwaited : connection_.awaits();
}

void RedisAskingTransport::send_and_hear(std::string_view requests) {
  connection_.hear_out();
  connection_.hide(login_.password());
  connection_.send(requests);
}

void RedisAskingTransport::replied(const redisReply& reply, Mono) {
  link_->replied(view_of(reply), mono_now());
}

}  // namespace rategate
