#include "daemon/io/sessions/reply_order.hpp"

namespace rategate {
namespace {

// Of fewer places that have gone nothing is moved.
constexpr std::size_t kFewPlaces = 16;

}  // namespace

void ReplyOrder::park(WaiterId waiter) {
  places_.push_back({waiter, {}, false});
  ++parked_;
}

void ReplyOrder::keep(std::string_view reply) {
  places_.push_back({{}, std::string(reply), true});
  bytes_ += reply.size();
}

void ReplyOrder::answered(std::uint32_t number, std::string_view reply, std::string& out) {
  const std::size_t at = gone_ + (number - first_number_);
  if (at >= places_.size() || places_[at].answered) return;
  --parked_;
  places_[at].answered = true;
  // The usual case is that they come in the order in which they were asked.
  if (at == gone_) {
    out += reply;
    advance(out);
    return;
  }
  places_[at].reply = reply;
  bytes_ += reply.size();
}

void ReplyOrder::advance(std::string& out) {
  while (!empty() && places_[gone_].answered) {
    std::string& reply = places_[gone_].reply;
    if (!reply.empty()) {
      out += reply;
      bytes_ -= reply.size();
      std::string().swap(reply);
    }
    ++gone_;
    ++first_number_;
  }
  forget_gone();
}

void ReplyOrder::forget_gone() {
  if (empty()) {
    places_.clear();
    gone_ = 0;
  } else if (gone_ >= kFewPlaces && 2 * gone_ >= places_.size()) {
    // No more are moved than have gone, so that a place is moved once on average.
    places_.erase(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(gone_));
    gone_ = 0;
  }
}

}  // namespace rategate
