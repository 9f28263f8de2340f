// What the gate counts, beside the permits in its Books.
#pragma once

#include <cstdint>

namespace rategate {

struct GateStats {
  std::uint64_t checks = 0;
  std::uint64_t peeks = 0;           // questions that take nothing; no checks
  std::uint64_t allowed = 0;         // counted in the store
  std::uint64_t denied = 0;          // over the limit
  std::uint64_t denied_locally = 0;  // of those, without asking the store
  std::uint64_t never_fits = 0;
  std::uint64_t blocked = 0;        // by rules for keys, or while a block stands
  std::uint64_t blocks_set = 0;     // by answers to this host
  std::uint64_t unlimited = 0;      // likewise
  std::uint64_t shadow_denied = 0;  // allowed where a limit that is no shadow would deny
  std::uint64_t near = 0;           // of the allowed ones, those that came near the limit
  std::uint64_t clock_not_trusted = 0;
  std::uint64_t lost_denied = 0;  // in a window whose count the store has lost
  std::uint64_t store_down_denied = 0;
  std::uint64_t store_down_allowed = 0;
  std::uint64_t store_down_errors = 0;
  std::uint64_t checks_abandoned = 0;  // their askers had gone before there was an answer
  std::uint64_t checks_not_asked = 0;  // their time was over before the store could be asked
  std::uint64_t reservations = 0;
  std::uint64_t late_answers = 0;  // of reservations whose window was over
  std::uint64_t windows_lost = 0;
  std::uint64_t recounted = 0;  // counters of lost windows that this host has told of
  std::uint64_t overdrawn = 0;  // permits that were charged without a test
  std::uint64_t cleared = 0;    // counters that this host has let begin anew
  std::uint64_t nudges = 0;
  std::uint64_t forged = 0;      // shared words that held what was never put there
  std::uint64_t table_full = 0;  // pools that found no slot
};

}  // namespace rategate
