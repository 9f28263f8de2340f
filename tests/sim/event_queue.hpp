// True time, which is the store's clock, and what happens when. Events of one moment happen in the
// order in which they were planned. One event may let others happen before it goes on (run_until
// within an event): that is how a process is paused in the middle of something.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace rategate::sim {

class EventQueue {
 public:
  using Event = std::function<void()>;

  explicit EventQueue(std::int64_t start_us) : now_(start_us) {}

  std::int64_t now() const { return now_; }  // us since 1970
  // Not before now.
  void at(std::int64_t us, Event event);
  void in(std::int64_t us, Event event) { at(now_ + us, std::move(event)); }
  // All that happens by then; then it is then, or later where an event took longer.
  void run_until(std::int64_t us);
  std::uint64_t happened() const { return happened_; }

 private:
  struct Planned {
    std::int64_t at;
    std::uint64_t order;
    Event event;
  };
  static bool later(const Planned& a, const Planned& b) {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }

  std::int64_t now_;
  std::uint64_t order_ = 0;
  std::uint64_t happened_ = 0;
  std::vector<Planned> heap_;
};

}  // namespace rategate::sim
