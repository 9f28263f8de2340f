// What led to a decision: by which rule it was made, and what is known on this host of each counter
// that it goes by, as of one moment. Plain values; spans are in ms, and none means that it is not
// known, or that there is no such thing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/core/decider.hpp"
#include "daemon/core/hold_look.hpp"
#include "daemon/core/request.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {

// Whether the store can be asked for the counter.
enum class StoreState : std::uint8_t {
  Up,
  Connecting,  // it may be there in a moment
  Away,
  Refuses,  // it answers for this limit by errors, and is not asked for a while
  Nowhere,  // the counter is in no shard
};

// How well the store's clock is known, by which windows are told.
enum class ClockState : std::uint8_t {
  Good,
  Unknown,  // never measured
  Vague,    // the error is too large for the limit
};

struct ExplainedCounter {
  std::optional<std::string> name;    // in the store, of the window
  std::optional<std::int64_t> shard;  // where there are several
  StoreState store = StoreState::Up;
  ClockState clock = ClockState::Good;
  WindowState state = WindowState::Open;
  // Of a fixed window: the one that is open, or the next to open.
  std::optional<Window> window;
  std::optional<std::int64_t> opens_in_ms;  // where it is not open yet
  // Permits in the counter as the store told it last; of a bucket, which fills by itself, reckoned
  // on from there.
  std::optional<std::int64_t> left;
  std::optional<std::int64_t> told_ms_ago;
  std::optional<std::int64_t> fits_in_ms;  // the cost, into a bucket or log
  std::optional<std::int64_t> full_in_ms;  // until all of it is there again
  std::optional<std::int64_t> blocked_ms;  // for so long its block is known to stand
  // What this host holds of it: what programs may take in shared memory, and the rest.
  std::int64_t shown = 0;
  std::int64_t kept = 0;
  std::int64_t ahead = 0;                         // of the window after that one
  std::optional<std::int64_t> held_first_end_ms;  // of the store's clock
  std::optional<std::int64_t> held_last_end_ms;
  bool has_slot = false;          // in shared memory
  std::size_t waiting = 0;        // in its line, this question not counted
  std::size_t acquiring = 0;      // those of them who wait for permits to come back, or slots
  std::optional<HoldState> hold;  // of a limit of concurrency
};

// What was decided, as it is told.
struct ExplainedAnswer {
  Verdict verdict = Verdict::Decided;  // or StoreDown
  Decision decision;
};

// One of the limits that a check has to keep.
struct ExplainedLimit {
  LimitPtr limit;  // with what the rule for the key makes of it
  std::string key;
  std::int64_t cost = 1;
  bool leased = false;
  std::string_view why_leased;  // or not: static text
  // What was decided of it; none: it was not asked to the end, because another one denies.
  std::optional<ExplainedAnswer> answer;
  std::vector<ExplainedCounter> counters;  // several where it is spread; none: nothing is counted
};

struct Explanation {
  std::string name;  // of the limit that was asked for
  ExplainedAnswer answer;
  std::size_t decides = 0;             // which of the limits the answer is of
  std::vector<ExplainedLimit> limits;  // one at least
  std::size_t acquiring = 0;     // who waits in ACQUIRE for all of them, where there are several
  std::optional<StoreTime> now;  // by the clock of the store that the first one is counted in
};

}  // namespace rategate
