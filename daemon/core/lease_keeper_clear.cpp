// What becomes of the pools of counters that begin anew: docs/clearing.md.
#include <string>

#include "daemon/core/lease_keeper.hpp"

namespace rategate {

std::int64_t LeaseKeeper::known_to_hold(const Counter& counter, const Window& window) {
  const bool may_be_lower = counter.use->limit->on_store_down == OnStoreDown::Allow;
  return may_be_lower ? 0 : counter.pool.taken(window);
}

bool LeaseKeeper::is_unexplained(const Counter& counter, const Window& window, std::int64_t permits,
                                 std::int64_t in_store) {
  return counter.use->limit->on_store_down != OnStoreDown::Allow &&
         in_store < counter.pool.taken(window) + permits;
}

void LeaseKeeper::before_clear(Counter& counter, const Window& window, Mono now) {
  if (!counter.use->limit->algorithm->has_windows) return give_up(counter, now);
  PoolBook book = book_of(counter, now);
  counter.pool.give_up(window, book);
  leave_emptied_slot(counter, now);
}

void LeaseKeeper::restart_others(const Counter& cleared, const Window& window) {
  const std::string name = cleared.use->names.of(cleared.key.view(), window.start_ms);
  counters_.for_each_id([&](CounterId id) {
    Counter& counter = counters_[id];
    if (&counter == &cleared || counter.key.view() != cleared.key.view()) return;
    if (counter.use->names.of(counter.key.view(), window.start_ms) == name) {
      counter.pool.restart(window);
    }
  });
}

void LeaseKeeper::cleared(Counter& counter, const Window& window, Mono now) {
  PoolBook book = book_of(counter, now);
  counter.pool.begin_anew(window, *counter.use->limit, book);
  Schedule* const schedule = counters_.schedule(counter);
  if (schedule != nullptr) schedule->believe_until = Mono{0};
}

}  // namespace rategate
