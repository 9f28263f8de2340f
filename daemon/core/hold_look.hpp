// What a look at a counter of a concurrency limit tells: what an ENTER would be told, and what this
// host knows and has of the counter. Plain values, as of one moment; spans are in ms, and none
// means that it is not known, or that there is no such thing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/base/time.hpp"
#include "daemon/core/ids.hpp"
#include "daemon/core/request.hpp"
#include "daemon/limit/decision.hpp"

namespace rategate {

struct HoldState {
  bool known = false;        // this host has the counter; else nothing is entered here
  std::int64_t entered = 0;  // slots, on this host
  std::int64_t held = 0;     // by this host, as the store granted last; 0 where that is over
  // Of those so many may be entered, what is entered included: less than all where others need
  // some, or hold more than was granted to them beside this host.
  std::int64_t usable = 0;
  std::optional<StoreTime> until;           // the hold is good
  std::optional<std::int64_t> good_ms;      // the same from now, surely
  std::optional<std::int64_t> others;       // what other hosts held, as of the store's last answer
  std::optional<std::int64_t> told_ms_ago;  // when that was
  std::optional<std::int64_t> share;        // where another host needs more: see HeldCounter::share
  // The store is asked for it then at the latest, if nothing comes between; 0: it is being asked.
  std::optional<std::int64_t> asked_in_ms;
  // For so long nobody enters more than is entered, as what hosts held may be lost.
  std::optional<std::int64_t> restrained_ms;
  std::size_t waiting = 0;  // in ENTER
  std::size_t parked = 0;   // of them those with a TIMEOUT, who wait for others to leave
};

struct HoldLook {
  std::string name;  // of the counter, in the store
  ShardId shard;
  Verdict verdict = Verdict::Decided;
  // Of an ENTER that would have to wait for the store, `by` Store: what that would answer if all
  // were as it told last. `remaining` is what there is before it.
  Decision decision;
  HoldState state;
};

}  // namespace rategate
