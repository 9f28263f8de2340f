// One counter of a concurrency limit, as this host uses it. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "daemon/base/time.hpp"
#include "daemon/core/entry_line.hpp"
#include "daemon/core/hold.hpp"
#include "daemon/core/ids.hpp"

namespace rategate {

struct HeldCounter {
  std::uint64_t number = 0;  // never given twice
  std::string name;          // in the store
  std::string key;
  LimitUsePtr use;  // the numbers that it is asked for by
  ShardId shard;
  Hold hold;
  std::int64_t entered = 0;  // slots
  std::int64_t others = 0;   // what other hosts held, as of the last answer
  Mono told = kNever;        // when that was; kNever: there was none yet
  EntryLine line;
  bool queued = false;        // it is to be asked for
  bool hungry = false;        // the last answer was less than was wanted
  bool only_counted = false;  // the last ask was for what is entered, and no more
  Mono not_before;            // it is not asked for anybody before
  std::int64_t backoff_us = 0;
  Mono renews = kNever;  // the hold
  Mono wakes = kNever;   // its place among the alarms

  // The most that was entered in this second and the last, which the host goes on holding.
  std::int64_t peak = 0;
  std::int64_t peak_before = 0;
  Mono peak_until;

  // Another host needs more and holds less than this, so that no more is entered here; kAll: none.
  static constexpr std::int64_t kAll = INT64_MAX;
  std::int64_t share = kAll;
  // What may be entered then. Who has nothing may begin with what it takes.
  std::int64_t most_shared(std::int64_t cost) const {
    return entered == 0 ? std::max(share, cost) : share;
  }

  std::int64_t used_lately() const { return std::max({entered, peak, peak_before}); }
};

}  // namespace rategate
