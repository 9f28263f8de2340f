// The holds of `store = "memory"`: what daemon/store/scripts/hold.lua does in Redis, for one host.
// There is one host in each record, and as many records as the daemon has counters that are held.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "daemon/limit/hold_record.hpp"

namespace rategate {

class MemoryHolds {
 public:
  HoldAnswer hold(const HoldAsked& asked, StoreTime now);
  std::size_t size() const { return records_.size(); }

 private:
  void forget_one(StoreTime now);

  std::unordered_map<std::string, HoldRecord> records_;
  std::string next_;  // that is looked at
};

}  // namespace rategate
