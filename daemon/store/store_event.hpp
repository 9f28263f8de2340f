// What the way to the store tells whoever watches it: what is worth a line in the log, each when it
// is news.
#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/core/ids.hpp"

namespace rategate {

struct StoreEvent {
  enum class What : std::uint8_t {
    Up,               // it answers; after it was away, or for the first time
    Connecting,       // the connection was lost, and is made again at once
    Away,             // checks are answered by on_store_down
    WindowsLost,      // restarted or replaced: the open windows are denied, or counted on; why: the
                      // key of the record by which that is known
    WereLost,         // the same, before this daemon greeted it: the store has a record of it
    ReignNotKnown,    // whether it lost counters before this host knew it
    FailoverNotSeen,  // it does not tell of which history its data are
    Evicts,           // it may evict counters
    Refuses,          // it answers reservations with errors
    Accepts,          // and takes them again
    CounterSpoilt,    // a counter cannot be used
    BucketAhead,      // a token bucket is told from a moment to come; why: the counter
    LimitRefused,     // it does not take a limit's counters, those of others it does
    Slow,             // more is asked than the way to it passes
    Keeps,            // it keeps up again
    PasswordRenewed,  // the connection goes on, logged in by the newest password
    PasswordUnused,   // that cannot be fetched, or is refused: it goes on as it was
    ClockStepped,     // its clock and this host's moved against each other
    ClockTrusted,     // its time is known well enough again
    ClockNotTrusted,  // its time is not known well enough
    Changed,          // its state; with any of the above that changes it, and nothing to log
  };
  What what;
  ShardId shard;
  std::string_view why;    // for a person; empty where there is nothing to say
  std::string_view limit;  // LimitRefused: its name
  // WindowsLost, WereLost: those that began by then (ms of its clock); ClockStepped: by so many us;
  // Clock(Not)Trusted: the error in us; Slow, Keeps: the window; BucketAhead: by so many ms.
  std::int64_t number = 0;
};

// One style for what parts tell each other: an interface, implemented by who made the part.
class StoreEvents {
 public:
  StoreEvents() = default;
  StoreEvents(const StoreEvents&) = delete;
  StoreEvents& operator=(const StoreEvents&) = delete;
  virtual ~StoreEvents() = default;

  virtual void store_event(const StoreEvent& event) = 0;
};

}  // namespace rategate
