#include "daemon/store/model/memory_counters.hpp"

#include <algorithm>
#include <utility>

namespace rategate {

ReserveAnswer MemoryCounters::reserve(const Reservation& request, StoreTime now) {
  const std::int64_t now_ms = now.us / 1000;
  ReserveAnswer answer;
  answer.time = now;
  if (now_ms >= request.window.end_ms) {
    answer.status = ReserveAnswer::Status::WindowOver;
    return answer;
  }
  if (request.window.start_ms > now_ms + request.ahead_ms) {
    answer.status = ReserveAnswer::Status::TooFarAhead;
    return answer;
  }
  if (counters_.size() >= sweep_at_size_) sweep(now_ms);

  Counter& counter = counters_[request.counter];
  if (counter.expire_at_ms < now_ms) counter.value = 0;
  Grant given = request.algorithm->grant(
      {counter.value, request.limit, request.lease, request.in_hand}, request.costs);
  counter.value += given.total;
  answer.granted = std::move(given.granted);
  answer.leased = given.leased;
  counter.expire_at_ms = std::max(counter.expire_at_ms, request.expire_at_ms);
  answer.counter = counter.value;
  return answer;
}

std::int64_t MemoryCounters::release(const Release& release, StoreTime now) {
  const auto found = counters_.find(release.counter);
  if (found == counters_.end() || found->second.expire_at_ms < now.us / 1000) return 0;
  if (found->second.value < release.permits) return 0;
  found->second.value -= release.permits;
  return release.permits;
}

// Amortised: the next one comes when as many again have been added.
void MemoryCounters::sweep(std::int64_t now_ms) {
  std::erase_if(counters_, [&](const auto& entry) { return entry.second.expire_at_ms < now_ms; });
  sweep_at_size_ = std::max<std::size_t>(1024, 2 * counters_.size());
}

}  // namespace rategate
