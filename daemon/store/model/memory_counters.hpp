// The counters of `store = "memory"`: what daemon/store/scripts/reserve.lua and release.lua do in
// Redis, for one host and without Redis. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "daemon/limit/reservation.hpp"

namespace rategate {

class MemoryCounters {
 public:
  ReserveAnswer reserve(const Reservation& request, StoreTime now);
  // What was taken off: all, or none where the counter is gone or holds fewer.
  std::int64_t release(const Release& release, StoreTime now);
  std::size_t size() const { return counters_.size(); }

 private:
  struct Counter {
    std::int64_t value = 0;
    std::int64_t expire_at_ms = 0;  // it lives through this millisecond, as in Redis
  };
  void sweep(std::int64_t now_ms);

  std::unordered_map<std::string, Counter> counters_;
  std::size_t sweep_at_size_ = 1024;
};

}  // namespace rategate
