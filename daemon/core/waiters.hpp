// The checks that wait: for the store, for a window to open, for the clock to be measured. Each
// stands in one line (of its counter) and in the order of deadlines; all have the same time-out,
// so that order is the order of arrival. Slots are reused; nothing is allocated per check once
// the slab has grown.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/base/time.hpp"

namespace rategate {

// Names a waiting check, and no other one after it is gone.
struct WaiterId {
  std::uint32_t slot = UINT32_MAX;
  std::uint32_t generation = 0;
};

class Waiters {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Waiter {
    std::uint64_t ticket = 0;  // the asker's own number
    std::int64_t cost = 1;
    Mono deadline;
    std::uint32_t counter = 0;  // whose line it stands in, as the gate numbers them
    bool asked = false;         // it is part of a reservation that is under way
    bool gone = false;          // nobody wants its answer any more
    bool live = false;
    bool timed = false;  // it stands among the deadlines
    std::uint32_t generation = 0;
    std::uint32_t next = kNone, prev = kNone;     // in the line
    std::uint32_t later = kNone, sooner = kNone;  // by deadline
  };

  // A line of waiters, first come first.
  struct Line {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
    bool empty() const { return first == kNone; }
  };

  // Takes a slot, last by deadline and last in the line.
  WaiterId add(Line& line, std::uint64_t ticket, std::int64_t cost, Mono deadline,
               std::uint32_t counter);
  // Out of the line and of the deadlines; the slot is free.
  void remove(Line& line, std::uint32_t slot);
  // Out of the deadlines alone: it keeps its place in the line, which an answer counts off.
  void stop_timing(std::uint32_t slot);
  // From the front of one line to the back of the other.
  void move_first(Line& from, Line& to);
  // All of `front` before all of `line`; `front` is empty after.
  void put_before(Line& front, Line& line);

  Waiter& operator[](std::uint32_t slot) { return slab_[slot]; }
  const Waiter& operator[](std::uint32_t slot) const { return slab_[slot]; }
  Waiter* find(WaiterId id);
  std::uint32_t soonest() const { return deadlines_.first; }
  std::size_t count() const { return count_; }

 private:
  void unlink(Line& line, std::uint32_t slot);

  std::vector<Waiter> slab_;
  std::vector<std::uint32_t> free_;
  Line deadlines_;
  std::size_t count_ = 0;
};

}  // namespace rategate
