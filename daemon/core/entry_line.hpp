// Those who want to enter and wait, before one counter: first come first served. Not thread-safe.
#pragma once

#include <cstdint>
#include <list>

#include "daemon/base/time.hpp"
#include "daemon/limit/limit_table.hpp"

namespace rategate {

struct EntryWaiter {
  std::uint64_t number = 0;  // the how manieth it is, of all
  std::uint64_t ticket = 0;  // comes back in the answer
  std::uint32_t flow = 0;    // the connection that asks
  LimitUsePtr use;           // by whose number it is let in
  std::int64_t cost = 1;
  std::int64_t for_us = 0;  // see Entry
  Mono patience{};          // not 0: it waits until then for others to leave
  Mono store_deadline;      // it waits until then for the store to answer
  bool asked = false;       // a call that is under way, or was answered, is for it as well
  bool heard = false;       // the store has answered since it came
};

class EntryLine {
 public:
  bool empty() const { return waiters_.empty(); }
  std::size_t size() const { return waiters_.size(); }
  EntryWaiter& front() { return waiters_.front(); }
  const EntryWaiter& front() const { return waiters_.front(); }
  std::list<EntryWaiter>& all() { return waiters_; }
  // What all of them want together.
  std::int64_t cost() const { return cost_; }
  // Somebody waits for others to leave, so that who comes stands behind.
  bool is_parked() const { return parked_ > 0; }
  std::size_t parked() const { return parked_; }

  EntryWaiter& add(EntryWaiter waiter) {
    cost_ += waiter.cost;
    parked_ += waiter.patience.us > 0 ? 1 : 0;
    return waiters_.emplace_back(std::move(waiter));
  }
  std::list<EntryWaiter>::iterator remove(std::list<EntryWaiter>::iterator at) {
    cost_ -= at->cost;
    parked_ -= at->patience.us > 0 ? 1 : 0;
    return waiters_.erase(at);
  }

 private:
  std::list<EntryWaiter> waiters_;
  std::int64_t cost_ = 0;
  std::size_t parked_ = 0;
};

}  // namespace rategate
