#include "daemon/limit/sliding_log.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

#include "daemon/limit/token_bucket.hpp"

namespace rategate {
namespace {

constexpr std::int64_t kExactUpTo = 60;
constexpr std::int64_t kSlicesInPeriod = 60;
constexpr std::int64_t kShortestMs = 10;
// An entry more is none of its own where the text of all of them is longer. There are so many only
// where a clock was set back, or permits are charged without a test again and again.
constexpr std::size_t kMostBytes = 4000;
// The most that is charged without a test, in all.
constexpr std::int64_t kMostCharged = kMostTaken / 2;
constexpr std::int64_t kMostEver = std::int64_t{1} << 52;
constexpr std::int64_t kMostEndMs = (std::int64_t{1} << 42) - 1;

std::int64_t sum_of(const SlidingLog& log) { return permits_of(log.entries) + log.beside; }

std::size_t digits(std::int64_t number) {
  std::size_t count = 1;
  for (; number >= 10; number /= 10) ++count;
  return count;
}

std::size_t bytes_of(const std::vector<LogEntry>& entries) {
  // No entry has as many as forty.
  if (entries.size() < kMostBytes / 40) return 0;
  std::size_t bytes = 0;
  for (const LogEntry& entry : entries) bytes += 2 + digits(entry.end_ms) + digits(entry.permits);
  return bytes;
}

// What a reservation makes of it.
class Writer {
 public:
  Writer(SlidingLog& log, const BucketAsked& asked, StoreTime now)
      : log_(log), asked_(asked), now_(now) {
    const std::int64_t over_ms = now.us / 1000 - asked.log.period_ms;
    std::erase_if(log.entries, [&](const LogEntry& entry) { return entry.end_ms <= over_ms; });
    used_ = sum_of(log);
  }

  std::int64_t left() const { return asked_.burst - used_; }

  void add(std::int64_t end_ms, std::int64_t permits) {
    used_ += permits;
    log_.ever = std::min(log_.ever + permits, kMostEver);
    changed = true;
    auto& entries = log_.entries;
    auto behind = entries.end();
    while (behind != entries.begin() && std::prev(behind)->end_ms >= end_ms) --behind;
    if (behind != entries.end() && behind->end_ms == end_ms) {
      behind->permits += permits;
    } else if (bytes_of(entries) > kMostBytes) {
      join(behind, end_ms, permits);
    } else {
      // Nobody needs to know any more when the last of those was that were given back.
      const bool replaces =
          behind == entries.end() && !entries.empty() && entries.back().permits == 0;
      if (replaces) {
        entries.back() = {end_ms, permits};
      } else {
        entries.insert(behind, {end_ms, permits});
      }
    }
  }

  // What was spent until then may not be counted any more.
  void lose(StoreTime through) {
    const std::int64_t end_ms =
        through.us / 1000 + 1 + asked_.slices.slice_ms + asked_.slices.least_ms;
    if (end_ms + asked_.log.period_ms <= now_.us / 1000) return;
    auto& entries = log_.entries;
    const auto after = std::find_if(entries.begin(), entries.end(),
                                    [&](const LogEntry& entry) { return entry.end_ms >= end_ms; });
    std::int64_t since = 0;
    for (auto entry = after; entry != entries.end(); ++entry) since += entry->permits;
    if (since < asked_.burst) add(end_ms, asked_.burst);
  }

  // Who was told of it knows that it should not be empty before then, and how many it was given.
  void compare(StoreTime known, std::int64_t known_ever) {
    if (known.us <= now_.us || log_.ever >= known_ever) return;
    add(known.us / 1000 - asked_.log.period_ms, asked_.burst);
    // Others were told of more, which is gone as well.
    log_.ever = known_ever;
  }

  // How many of them come back.
  std::int64_t give_back(std::int64_t permits, std::int64_t end_ms) {
    auto& entries = log_.entries;
    const auto entry = std::find_if(entries.begin(), entries.end(),
                                    [&](const LogEntry& each) { return each.end_ms == end_ms; });
    const bool of_before = end_ms * 1000 <= log_.cleared_us;
    if (entry == entries.end() || of_before) return 0;
    permits = std::min(permits, entry->permits);
    if (permits <= 0) return 0;
    entry->permits -= permits;
    used_ -= permits;
    changed = true;
    // Of the last one its end is what others know of.
    if (entry->permits == 0 && std::next(entry) != entries.end()) entries.erase(entry);
    return permits;
  }

  // What came back.
  std::int64_t clear() {
    auto& entries = log_.entries;
    log_.cleared_us = now_.us;
    if (!entries.empty()) {
      // Nothing comes back to ends of before, whoever takes permits with them from now on.
      log_.cleared_us = std::max(now_.us, 1000 * entries.back().end_ms);
      entries = {{entries.back().end_ms, 0}};
    }
    changed = true;
    return std::exchange(used_, 0);
  }

  void charge(std::int64_t permits) {
    if (used_ + permits <= kMostCharged) add(stamp_of(asked_.log, now_), permits);
  }

  // When the permits are good, which count from now on; 0: never, or too late.
  StoreTime book(const BookingAsked& booking) {
    const StoreTime at = std::max(now_, fits_at(log_, asked_.burst, booking.cost));
    if (booking.cost > asked_.burst || (at > now_ && at > booking.until)) return {};
    add(stamp_of(asked_.log, at), booking.cost);
    return at;
  }

  bool changed = false;

 private:
  // It counts for longer than it has to.
  void join(std::vector<LogEntry>::iterator behind, std::int64_t end_ms, std::int64_t permits) {
    if (behind == log_.entries.end()) {
      --behind;
      behind->end_ms = end_ms;
    }
    behind->permits += permits;
  }

  SlidingLog& log_;
  const BucketAsked& asked_;
  const StoreTime now_;
  std::int64_t used_ = 0;
};

Placed always_open(const ClockReading& reading, std::int64_t period_ms) {
  static_cast<void>(reading);
  static_cast<void>(period_ms);
  return {kBucketWindow, true, 0};
}

}  // namespace

LogNumbers log_numbers(std::int64_t permits, std::int64_t period_ms) {
  return {period_ms, permits <= kExactUpTo ? 1 : slices_of_log(period_ms).slice_ms};
}

BucketSlices slices_of_log(std::int64_t period_ms) {
  const std::int64_t slice_ms =
      std::max(kShortestMs, (period_ms + kSlicesInPeriod - 1) / kSlicesInPeriod);
  return {slice_ms, (slice_ms + 3) / 4};
}

std::int64_t stamp_of(const LogNumbers& numbers, StoreTime at) {
  return (at.us / 1000 / numbers.stamp_ms + 1) * numbers.stamp_ms;
}

std::int64_t permits_in(const SlidingLog& log, std::int64_t limit, StoreTime now) {
  const std::int64_t over_ms = now.us / 1000 - log.period_ms;
  std::int64_t used = log.entries.empty() || log.entries.back().end_ms <= over_ms ? 0 : log.beside;
  for (const LogEntry& entry : log.entries) {
    if (entry.end_ms > over_ms) used += entry.permits;
  }
  return std::min(limit, limit - used);
}

StoreTime full_at(const SlidingLog& log) {
  return {log.entries.empty() ? 0 : (log.entries.back().end_ms + log.period_ms) * 1000};
}

StoreTime fits_at(const SlidingLog& log, std::int64_t limit, std::int64_t cost) {
  std::int64_t lacking = sum_of(log) + cost - limit;
  StoreTime at;
  for (const LogEntry& entry : log.entries) {
    if (lacking <= 0) break;
    lacking -= entry.permits;
    at = {(entry.end_ms + log.period_ms) * 1000};
  }
  return at;
}

std::int64_t expires_at_ms(const SlidingLog& log, StoreTime now, std::int64_t before_ms) {
  const std::int64_t own_ms = std::max(now.us, full_at(log).us) / 1000 + 1000;
  return log.cleared_us > 0 ? std::max(own_ms, before_ms) : own_ms;
}

LogGrant grant_from_log(const std::optional<SlidingLog>& stored, const BucketAsked& asked,
                        const BucketAhead& ahead, const CostRuns& costs, StoreTime now,
                        std::span<const BookingAsked> bookings) {
  LogGrant result;
  result.bucket.ever = kMostEver - now.us;
  if (stored) result.bucket = *stored;
  result.bucket.period_ms = asked.log.period_ms;
  Writer log(result.bucket, asked, now);
  if (asked.emptied.us > 0) log.lose(asked.emptied);
  log.compare(asked.known, asked.known_settled);
  if (asked.back < 0) {
    log.charge(-asked.back);
  } else if (asked.back == kAllOfBucket && stored) {
    result.came_back = log.clear();
    result.kept_until_ms = asked.back_ms;
  } else if (asked.back > 0 && stored) {
    result.came_back = log.give_back(asked.back, asked.back_ms);
  }
  const std::int64_t in_hand = good_in_hand(asked.hand_ends_ms, ahead.in_hand, now);
  const CostsGranted given = grant_costs(costs, log.left(), in_hand);
  result.granted = given.granted;
  if (given.charged > 0) log.add(stamp_of(asked.log, now), given.charged);
  if (!given.refused && ahead.lease > 0 && !asked.slices.none()) {
    result.leased = std::min(ahead.lease, std::max<std::int64_t>(0, log.left()) / 4);
  }
  if (result.leased > 0) {
    result.ends_ms = lease_ends_ms(asked.slices, now);
    log.add(result.ends_ms, result.leased);
  }
  result.booked.reserve(bookings.size());
  for (const BookingAsked& booking : bookings) result.booked.push_back(log.book(booking));
  result.changed = log.changed;
  return result;
}

std::int64_t permits_of(const std::vector<LogEntry>& entries) {
  return std::accumulate(
      entries.begin(), entries.end(), std::int64_t{0},
      [](std::int64_t sum, const LogEntry& entry) { return sum + entry.permits; });
}

std::string text_of(const std::vector<LogEntry>& entries) {
  std::string text;
  for (const LogEntry& entry : entries) {
    text += ' ';
    text += std::to_string(entry.end_ms);
    text += ':';
    text += std::to_string(entry.permits);
  }
  return text;
}

std::optional<std::vector<LogEntry>> parse_log_entries(std::string_view text) {
  std::vector<LogEntry> entries;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](char before, std::int64_t most, std::int64_t& into) {
    if (at == end || *at != before) return false;
    const auto [stop, failure] = std::from_chars(at + 1, end, into);
    at = stop;
    return failure == std::errc() && into >= 0 && into <= most;
  };
  while (at != end) {
    LogEntry entry;
    if (!number(' ', kMostEndMs, entry.end_ms)) return std::nullopt;
    if (!number(':', kMostTaken, entry.permits)) return std::nullopt;
    if (!entries.empty() && entries.back().end_ms >= entry.end_ms) return std::nullopt;
    entries.push_back(entry);
  }
  return entries;
}

const Algorithm kSlidingWindow = {"sliding-window", false, always_open, nullptr, nullptr};

}  // namespace rategate
