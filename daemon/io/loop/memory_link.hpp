// `store = "memory"`: the store inside the daemon, for one host. Its clock is this host's
// CLOCK_REALTIME as it was when the daemon started, which is never set afterwards.
#pragma once

#include <vector>

#include "daemon/store/model/memory_counters.hpp"
#include "daemon/store/store_link.hpp"

namespace rategate {

class MemoryLink final : public StoreLink {
 public:
  explicit MemoryLink(StoreEvents& events);

  void start() override;
  void reserve(const Reservation& reservation) override { asked_.push_back(reservation); }
  void release(const Release& release) override;
  void measure() override { measure_ = true; }
  void flush() override;
  void stop() override;
  StoreStatus status() const override;

 private:
  StoreTime time(Mono now) const { return {now.us + offset_us_}; }

  StoreEvents& events_;
  MemoryCounters counters_;
  std::vector<Reservation> asked_;
  bool measure_ = false;
  std::int64_t offset_us_;
};

}  // namespace rategate
