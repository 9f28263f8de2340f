// The store as a server: one thing at a time, sometimes for a while nothing, or nothing but errors.
// Tells the checker what it did.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/checker.hpp"
#include "tests/sim/event_queue.hpp"
#include "tests/sim/redis_model.hpp"

namespace rategate::sim {

class Store {
 public:
  Store(EventQueue& events, Checker& checker) : events_(events), checker_(checker) {}

  // Now, or when it goes on.
  void serve(EventQueue::Event command);

  std::vector<ReserveAnswer> reserve(int daemon, const std::vector<Reservation>& requests);
  void release(int daemon, const Release& release);
  // INCR, and EXPIRE where it does not expire.
  void recipe(Checker::Account& account, std::int64_t expire_s);
  StoreTime time() const { return StoreTime{events_.now()}; }

  void stall(std::int64_t us) { stalled_until_ = events_.now() + us; }
  void refuse(std::int64_t us) { refuses_until_ = events_.now() + us; }
  bool refuses() const { return events_.now() < refuses_until_; }
  // It comes back at once, and empty.
  void restart();
  int run() const { return run_; }

 private:
  EventQueue& events_;
  Checker& checker_;
  RedisModel model_;
  std::int64_t stalled_until_ = 0;
  std::int64_t refuses_until_ = 0;
  int run_ = 1;
};

}  // namespace rategate::sim
