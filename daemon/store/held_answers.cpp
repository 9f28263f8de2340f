#include "daemon/store/held_answers.hpp"

#include <utility>

namespace rategate {

// A copy into memory that was used before.
void HeldAnswers::hold(Outbox::Answered answered, const Reply& reply, Mono received) {
  if (count_ == held_.size()) held_.emplace_back();
  Held& held = held_[count_++];
  held.answered = std::move(answered);
  held.error.assign(reply.is_error ? reply.text : std::string_view());
  held.time = reply.time.value_or(StoreTime{});
  held.received = received;
  if (held.answers.size() < reply.answers.size()) held.answers.resize(reply.answers.size());
  held.hold = reply.hold;
  std::copy(reply.answers.begin(), reply.answers.end(), held.answers.begin());
}

void HeldAnswers::refuse_grants(std::string_view error) {
  for (std::size_t i = 0; i < count_; ++i) {
    if (grants(held_[i])) held_[i].error = error;
  }
}

bool HeldAnswers::grant_anything() const {
  return std::any_of(held_.begin(), held_.begin() + at(sealed_), grants);
}

bool HeldAnswers::grants(const Held& held) {
  if (held.answered.call.kind == Call::Kind::Hold) {
    return held.error.empty() && held.hold.status == HoldAnswer::Status::Holds;
  }
  const auto& reservations = held.answered.call.reservations;
  for (std::size_t i = 0; i < reservations.size() && held.error.empty(); ++i) {
    if (has_charged(reservations[i], held.answers[i])) return true;
  }
  return false;
}

}  // namespace rategate
