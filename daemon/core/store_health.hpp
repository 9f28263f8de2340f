// Whether a shard of the store can be asked, and which change of that is worth telling: the one
// place that knows both. Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <utility>

namespace rategate {

class StoreHealth {
 public:
  enum class State : std::uint8_t {
    Connecting,  // it may be there in a moment: checks wait
    Up,
    Away,  // checks are answered by on_store_down at once
  };

  State state() const { return state_; }
  bool is_up() const { return state_ == State::Up; }
  bool is_away() const { return state_ == State::Away; }
  // Up, and answers reservations with errors.
  bool refuses() const { return refuses_; }
  // Up, and more is asked than it passes.
  bool is_slow() const { return slow_; }
  // It has answered once, or it is known that it does not.
  bool is_settled() const { return settled_; }

  // Each says whether it is news.
  bool connecting() {
    slow_ = false;
    return std::exchange(state_, State::Connecting) != State::Connecting;
  }
  bool up() {
    state_ = State::Up;
    const bool first = !std::exchange(settled_, true);
    return std::exchange(was_away_, false) || first;
  }
  bool away() {
    state_ = State::Away;
    settled_ = true;
    slow_ = false;
    return !std::exchange(was_away_, true);
  }
  bool refuses(bool now) { return std::exchange(refuses_, now) != now; }
  bool slow(bool now) { return std::exchange(slow_, now) != now; }

 private:
  State state_ = State::Connecting;
  bool was_away_ = false;  // since it was up last
  bool settled_ = false;
  bool refuses_ = false;
  bool slow_ = false;
};

}  // namespace rategate
