#include "daemon/store/model/memory_counters.hpp"

#include <algorithm>

#include "daemon/base/mutant.hpp"

namespace rategate {

ReserveAnswer MemoryCounters::reserve(const Reservation& request, StoreTime now) {
  const std::int64_t now_ms = now.us / 1000;
  ReserveAnswer answer;
  answer.time = now;
  if (now_ms >= request.window.end_ms && !mutant("past-window-accepted")) {
    answer.status = ReserveAnswer::Status::WindowOver;
    return answer;
  }
  if (request.window.start_ms > now_ms + request.ahead_ms) {
    answer.status = ReserveAnswer::Status::TooFarAhead;
    return answer;
  }
  if (counters_.size() >= sweep_at_size_) sweep(now_ms);

  Counter& counter = counters_[request.counter];
  if (counter.expire_at_ms <= now_ms) counter.value = 0;
  std::int64_t left = request.limit - counter.value;
  if (!mutant("grant-not-clamped")) left = std::max<std::int64_t>(0, left);
  for (const CostRun& run : request.costs) {
    const std::int64_t granted = std::min(run.count, left / run.cost);
    left -= granted * run.cost;
    counter.value += (mutant("denied-cost-consumes") ? run.count : granted) * run.cost;
    answer.granted.push_back(granted);
  }
  // Never all that is left, as there may be other hosts: one rule for both stores.
  answer.leased = std::min(request.lease, left / 4);
  counter.value += answer.leased;
  counter.expire_at_ms = std::max(counter.expire_at_ms, request.expire_at_ms);
  answer.counter = counter.value;
  return answer;
}

void MemoryCounters::release(const Release& release, StoreTime now) {
  const auto found = counters_.find(release.counter);
  if (found == counters_.end() || found->second.expire_at_ms <= now.us / 1000) return;
  if (found->second.value >= release.permits) found->second.value -= release.permits;
}

// Amortised: the next one comes when as many again have been added.
void MemoryCounters::sweep(std::int64_t now_ms) {
  std::erase_if(counters_, [&](const auto& entry) { return entry.second.expire_at_ms <= now_ms; });
  sweep_at_size_ = std::max<std::size_t>(1024, 2 * counters_.size());
}

}  // namespace rategate
