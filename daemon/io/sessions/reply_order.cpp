#include "daemon/io/sessions/reply_order.hpp"

namespace rategate {

void ReplyOrder::park(WaiterId waiter) {
  places_.push_back({waiter, {}, false});
  ++parked_;
}

void ReplyOrder::keep(std::string_view reply) {
  places_.push_back({{}, std::string(reply), true});
  bytes_ += reply.size();
}

void ReplyOrder::answered(std::uint32_t number, std::string_view reply, std::string& out) {
  const std::size_t at = number - first_number_;
  if (at >= places_.size() || places_[at].answered) return;
  --parked_;
  places_[at].answered = true;
  // The usual case is that they come in the order in which they were asked.
  if (at == 0) {
    out += reply;
    advance(out);
    return;
  }
  places_[at].reply = reply;
  bytes_ += reply.size();
}

void ReplyOrder::advance(std::string& out) {
  while (!places_.empty() && places_.front().answered) {
    out += places_.front().reply;
    bytes_ -= places_.front().reply.size();
    places_.pop_front();
    ++first_number_;
  }
}

}  // namespace rategate
