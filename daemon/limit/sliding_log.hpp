// The log of a strict sliding window: which permits were taken lately, and by when they were spent.
// docs/algorithms.md has the promise and why it holds. What a store does for a reservation is
// grant_from_log(): the memory store and the simulation's model of Redis call it, and
// daemon/store/scripts/reserve.lua is the same arithmetic. Pure, and defined for all numbers in the
// ranges that are named.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/limit/algorithm.hpp"
#include "daemon/limit/bucket_asked.hpp"
#include "daemon/limit/cost_runs.hpp"

namespace rategate {

// Permits that are spent before `end_ms` of the store's clock, and count until a period after it.
struct LogEntry {
  std::int64_t end_ms = 0;   // since 1970, below kMostUs / 1000
  std::int64_t permits = 0;  // 0: they were given back
  bool operator==(const LogEntry&) const = default;
};

struct SlidingLog {
  std::int64_t period_ms = 1;
  std::vector<LogEntry> entries{};  // by their ends, of which no two are the same
  // How many permits were added as long as its key has lived, and what it began with: a key that is
  // made later begins with less, so that one that was lost is below what was known of it.
  std::int64_t ever = 0;
  // When all that was taken came back at once: what ends by then is given back no more; 0: never.
  std::int64_t cleared_us = 0;
  // So many more than the entries say count as well, to the end of the last one. Not in the store.
  std::int64_t beside = 0;
  bool operator==(const SlidingLog&) const = default;
};

// How a sliding window of that limit counts. Up to so many permits each has an entry of its own,
// and comes back to the millisecond; of more the ends are rounded up to a sixtieth of the period.
LogNumbers log_numbers(std::int64_t permits, std::int64_t period_ms);
// In which slices of time its permits are leased.
BucketSlices slices_of_log(std::int64_t period_ms);

// The end of what is spent at that moment.
std::int64_t stamp_of(const LogNumbers& numbers, StoreTime at);
// What it has beside those that count then; negative where it is in debt. At most `limit`.
std::int64_t permits_in(const SlidingLog& log, std::int64_t limit, StoreTime now);
// When nothing counts any more; and the same, as no moment is rounded.
StoreTime full_at(const SlidingLog& log);
inline StoreTime not_full_before(const SlidingLog& log) { return full_at(log); }
// When so many fit; 0: they always do.
StoreTime fits_at(const SlidingLog& log, std::int64_t limit, std::int64_t cost);
// When the key of one that is to be kept expires: a second after its last entry counts. Nobody
// forgets early that it was cleared.
std::int64_t expires_at_ms(const SlidingLog& log, StoreTime now, std::int64_t before_ms);

struct LogGrant : BucketGiven {
  SlidingLog bucket{};  // after it
};
// `stored`: nothing where there is no such key. A cost of 0 takes nothing, and is granted unless
// the limit is exceeded. Bookings are made last, in order.
LogGrant grant_from_log(const std::optional<SlidingLog>& stored, const BucketAsked& asked,
                        const BucketAhead& ahead, const CostRuns& costs, StoreTime now,
                        std::span<const BookingAsked> bookings = {});

// What the entries hold together.
std::int64_t permits_of(const std::vector<LogEntry>& entries);
// " end:permits end:permits", as the store keeps them. Nothing where the text is no such.
std::string text_of(const std::vector<LogEntry>& entries);
std::optional<std::vector<LogEntry>> parse_log_entries(std::string_view text);

extern const Algorithm kSlidingWindow;

}  // namespace rategate
