#include "daemon/io/redis/redis_sentinel_transport.hpp"

#include <utility>

#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/redis/reply_view.hpp"

namespace rategate {

RedisSentinelTransport::RedisSentinelTransport(uv_loop_t* loop, RedisServer server,
                                               LoopWatch& watch)
    : server_(std::move(server)), connection_(loop, watch, *this) {}

void RedisSentinelTransport::send_and_hear(std::string_view requests) {
  connection_.hear_out();
  connection_.send(requests);
}

void RedisSentinelTransport::replied(const redisReply& reply, Mono) {
  link_->replied(view_of(reply), mono_now());
}

}  // namespace rategate
