#include "daemon/store/model/memory_holds.hpp"

namespace rategate {

HoldAnswer MemoryHolds::hold(const HoldAsked& asked, StoreTime now) {
  // Two for each that may be new, so that what is forgotten keeps up.
  forget_one(now);
  forget_one(now);
  return records_[asked.counter].hold(asked, now);
}

// One is looked at, in turn, and forgotten where all that it says is over.
void MemoryHolds::forget_one(StoreTime now) {
  if (records_.empty()) return;
  auto at = records_.find(next_);
  if (at == records_.end()) at = records_.begin();
  const bool over = at->second.gone_ms() <= now.us / 1000;
  const auto next = over ? records_.erase(at) : std::next(at);
  next_ = next == records_.end() ? std::string() : next->first;
}

}  // namespace rategate
