// What this host knows of one counter in one window: what it took of it, and whether there is
// anything left to ask for. The gate asks it before it asks the store. Knowledge of a window is
// forgotten when a later one is entered.
#pragma once

#include <algorithm>
#include <cstdint>

#include "daemon/core/time.hpp"

namespace rategate {

class Pool {
 public:
  enum class State : std::uint8_t {
    Unknown,    // the store must be asked
    Exhausted,  // the counter has reached the limit
    Lost,       // the store has lost permits of this window that were given out
  };

  State state(const Window& window) const { return window == window_ ? state_ : State::Unknown; }

  // The store answered for the window: `granted` permits for this host, and the counter after
  // them. False when the counter is below what this host alone has taken: it was lost, and
  // nothing more is given out in this window. With `may_restart` the count begins again instead.
  bool took(const Window& window, std::int64_t granted, std::int64_t counter, std::int64_t limit,
            bool may_restart) {
    if (window != window_) {
      window_ = window;
      state_ = State::Unknown;
      taken_ = 0;
    }
    taken_ += granted;
    if (counter < taken_) {
      if (!may_restart) {
        state_ = State::Lost;
        return false;
      }
      taken_ = granted;
    }
    counter_ = counter;
    if (counter >= limit) state_ = State::Exhausted;
    return true;
  }

  // Permits left at the last answer for this window; an estimate, never a promise.
  std::int64_t remaining(const Window& window, std::int64_t limit) const {
    return window == window_ ? std::max<std::int64_t>(0, limit - counter_) : limit;
  }

  const Window& window() const { return window_; }

 private:
  Window window_;
  std::int64_t counter_ = 0;
  std::int64_t taken_ = 0;  // by this host
  State state_ = State::Unknown;
};

}  // namespace rategate
