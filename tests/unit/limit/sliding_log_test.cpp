// The arithmetic of sliding windows, held against a plain list of what was taken.
#include "daemon/limit/sliding_log.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include "daemon/limit/limit.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kNowMs = 1'700'000'000'000;

StoreTime at_ms(std::int64_t ms) { return {(kNowMs + ms) * 1000}; }

BucketAsked asked_of(std::int64_t limit, std::int64_t period_ms) {
  BucketAsked asked;
  asked.burst = limit;
  asked.log = log_numbers(limit, period_ms);
  asked.slices = slices_of_log(period_ms);
  return asked;
}

// A log that is kept from one call to the next, as in a store.
struct Kept {
  BucketAsked asked;
  std::optional<SlidingLog> log{};

  LogGrant grant(StoreTime now, const CostRuns& costs, const BucketAhead& ahead = {},
                 const std::vector<BookingAsked>& bookings = {}) {
    LogGrant grant = grant_from_log(log, asked, ahead, costs, now, bookings);
    if (grant.changed) log = grant.bucket;
    return grant;
  }
  bool take(StoreTime now, std::int64_t cost = 1) {
    return grant(now, CostRuns{{cost, 1}}).granted.front() == 1;
  }
};

// Permits that may have been spent from x on and before y, at the worst moments.
struct Spent {
  std::int64_t x_us;
  std::int64_t y_us;
  std::int64_t permits;
};

std::int64_t most_in_a_period(const std::vector<Spent>& all, std::int64_t period_us) {
  std::int64_t most = 0;
  for (const Spent& last : all) {
    std::int64_t sum = 0;
    for (const Spent& each : all) {
      if (each.x_us <= last.x_us && each.y_us - 1 >= last.x_us - period_us) sum += each.permits;
    }
    most = std::max(most, sum);
  }
  return most;
}

}  // namespace

TEST_CASE("permits of a small limit come back one by one, to the millisecond") {
  Kept kept{asked_of(3, 1000)};
  CHECK(kept.take(at_ms(0)));
  CHECK(kept.take(at_ms(10)));
  CHECK(kept.take(at_ms(20)));
  CHECK_FALSE(kept.take(at_ms(30)));
  CHECK(permits_in(*kept.log, 3, at_ms(30)) == 0);
  CHECK(fits_at(*kept.log, 3, 1) == at_ms(1001));
  CHECK(fits_at(*kept.log, 3, 2) == at_ms(1011));
  CHECK(full_at(*kept.log) == at_ms(1021));
  CHECK(expires_at_ms(*kept.log, at_ms(30), 0) == kNowMs + 1021 + 1000);
  CHECK_FALSE(kept.take(at_ms(1000)));
  CHECK(kept.take(at_ms(1001)));
  CHECK_FALSE(kept.take(at_ms(1001)));
  CHECK(kept.log->ever == (std::int64_t{1} << 52) - kNowMs * 1000 + 4);
}

TEST_CASE("of larger limits what is taken in a sixtieth of the period is one entry") {
  Kept kept{asked_of(1000, 60'000)};
  CHECK(kept.asked.log.stamp_ms == 1000);
  CHECK(kept.take(at_ms(1), 400));
  CHECK(kept.take(at_ms(999), 500));
  CHECK(kept.take(at_ms(1000), 100));
  CHECK(kept.log->entries == std::vector<LogEntry>{{kNowMs + 1000, 900}, {kNowMs + 2000, 100}});
  CHECK(fits_at(*kept.log, 1000, 1) == at_ms(61'000));
  CHECK(fits_at(*kept.log, 1000, 901) == at_ms(62'000));
}

TEST_CASE(
    "in every interval of a period at most the limit is spent, leases and bookings included") {
  std::mt19937_64 random(11);
  const auto below = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
  };
  for (int round = 0; round < 60; ++round) {
    const std::int64_t period_ms = 20 + below(3000);
    const std::int64_t limit = 1 + below(round % 2 == 0 ? 60 : 500);
    Kept kept{asked_of(limit, period_ms)};
    std::vector<Spent> spent;
    std::int64_t now_us = kNowMs * 1000;
    std::int64_t denied = 0;
    for (int i = 0; i < 400; ++i) {
      now_us += below(period_ms * 1000 / 20);
      const StoreTime now{now_us};
      const CostRuns costs{{1 + below(limit), 1}, {1, 1 + below(5)}};
      const BookingAsked booking{1 + below(limit), {now_us + below(period_ms * 1000)}};
      const std::vector<BookingAsked> bookings(below(8) == 0 ? 1 : 0, booking);
      const LogGrant grant = kept.grant(now, costs, {below(2) * limit, 0}, bookings);
      const std::int64_t taken = grant.granted[0] * costs[0].cost + grant.granted[1];
      if (taken == 0) ++denied;
      spent.push_back({now_us, now_us + 1, taken});
      if (grant.leased > 0) spent.push_back({now_us, grant.ends_ms * 1000, grant.leased});
      for (const StoreTime& at : grant.booked) {
        if (at.us > 0) spent.push_back({at.us, at.us + 1, booking.cost});
      }
      REQUIRE(kept.log->entries.size() <= 200);
    }
    CHECK(denied > 0);
    REQUIRE(most_in_a_period(spent, period_ms * 1000) <= limit);
  }
}

TEST_CASE("permits in hand pay first, as long as they are good") {
  Kept kept{asked_of(10, 1000)};
  REQUIRE(kept.take(at_ms(0), 8));
  kept.asked.hand_ends_ms = kNowMs + 20;
  CHECK(kept.grant(at_ms(1), CostRuns{{5, 1}}, {0, 3}).granted.front() == 1);
  CHECK(permits_in(*kept.log, 10, at_ms(1)) == 0);
  CHECK(kept.grant(at_ms(20), CostRuns{{1, 1}}, {0, 3}).granted.front() == 0);
}

TEST_CASE("a log that was lost begins used up, for one period and the life of a lease") {
  Kept kept{asked_of(5, 1000)};
  kept.asked.emptied = at_ms(0);
  CHECK_FALSE(kept.take(at_ms(5)));
  REQUIRE(kept.log);
  const SlidingLog first = *kept.log;
  CHECK_FALSE(kept.take(at_ms(10)));
  CHECK(*kept.log == first);  // it is not said twice
  const std::int64_t over_ms = 1 + 1000 + kept.asked.slices.slice_ms + kept.asked.slices.least_ms;
  CHECK_FALSE(kept.take(at_ms(over_ms - 1)));
  CHECK(kept.take(at_ms(over_ms), 5));
  // Another host has heard of it later.
  kept.asked.emptied = at_ms(over_ms);
  CHECK_FALSE(kept.take(at_ms(over_ms + 1)));
}

TEST_CASE("what somebody was told of and is gone was lost") {
  Kept kept{asked_of(5, 1000)};
  REQUIRE(kept.take(at_ms(0), 2));
  kept.asked.known = full_at(*kept.log);
  kept.asked.known_settled = kept.log->ever;
  CHECK(kept.take(at_ms(1)));
  kept.log.reset();
  CHECK_FALSE(kept.take(at_ms(2)));
  CHECK(full_at(*kept.log) == kept.asked.known);
  // Others, who were told of more, are to see it as well.
  CHECK(kept.log->ever == kept.asked.known_settled);
  // It may be forgotten once nothing of it counts.
  kept.log.reset();
  CHECK(kept.take(kept.asked.known, 5));
}

TEST_CASE("a log that was lost and made anew by others is missed by who knew the old one") {
  Kept kept{asked_of(10, 1000)};
  REQUIRE(kept.take(at_ms(0), 5));
  const StoreTime known = full_at(*kept.log);
  const std::int64_t ever = kept.log->ever;
  kept.log.reset();
  REQUIRE(kept.take(at_ms(10), 6));
  kept.asked.known = known;
  kept.asked.known_settled = ever;
  CHECK_FALSE(kept.take(at_ms(20)));
}

TEST_CASE("what is given back is taken off its own entry") {
  Kept kept{asked_of(5, 1000)};
  REQUIRE(kept.take(at_ms(0), 2));
  REQUIRE(kept.take(at_ms(10), 3));
  const auto give_back = [&](std::int64_t permits, std::int64_t end_ms) {
    kept.asked.back = permits;
    kept.asked.back_ms = kNowMs + end_ms;
    const LogGrant grant = kept.grant(at_ms(20), {});
    kept.asked.back = 0;
    return grant.came_back;
  };
  CHECK(give_back(1, 2) == 0);
  CHECK(give_back(1, 1) == 1);
  CHECK(give_back(5, 1) == 1);
  CHECK(kept.log->entries == std::vector<LogEntry>{{kNowMs + 11, 3}});
  // Of the last one its end is still known.
  CHECK(give_back(9, 11) == 3);
  CHECK(kept.log->entries == std::vector<LogEntry>{{kNowMs + 11, 0}});
  CHECK(kept.take(at_ms(30), 5));
  CHECK(kept.log->entries == std::vector<LogEntry>{{kNowMs + 31, 5}});
}

TEST_CASE("what was taken before a log was cleared is not given back") {
  Kept kept{asked_of(100, 60'000)};
  REQUIRE(kept.take(at_ms(10), 80));
  const std::int64_t end_ms = kept.log->entries.front().end_ms;
  kept.asked.back = kAllOfBucket;
  kept.asked.back_ms = kNowMs + 600'000;
  const LogGrant cleared = kept.grant(at_ms(20), {});
  CHECK(cleared.came_back == 80);
  CHECK(permits_in(*kept.log, 100, at_ms(20)) == 100);
  CHECK(full_at(*kept.log).us == (end_ms + 60'000) * 1000);
  CHECK(expires_at_ms(*kept.log, at_ms(20), cleared.kept_until_ms) == kNowMs + 600'000);
  kept.asked.back = 0;
  REQUIRE(kept.take(at_ms(30), 100));
  kept.asked.back = 80;
  kept.asked.back_ms = end_ms;
  CHECK(kept.grant(at_ms(40), {}).came_back == 0);
}

TEST_CASE("charged without a test, it may be in debt, and grants nothing until that is over") {
  Kept kept{asked_of(5, 1000)};
  kept.asked.back = -12;
  kept.grant(at_ms(0), {});
  kept.asked.back = 0;
  CHECK(permits_in(*kept.log, 5, at_ms(0)) == -7);
  CHECK(kept.grant(at_ms(1), CostRuns{{0, 1}}).granted.front() == 0);
  CHECK_FALSE(kept.take(at_ms(999)));
  CHECK(kept.take(at_ms(1001), 5));
}

TEST_CASE("a log has no more entries than its text has room for, and then counts for longer") {
  Kept kept{asked_of(1'000'000, 86'400'000)};
  kept.asked.log.stamp_ms = 1;
  for (int i = 0; i < 1000; ++i) REQUIRE(kept.take(at_ms(i)));
  CHECK(text_of(kept.log->entries).size() <= 4000 + 20);
  CHECK(permits_in(*kept.log, 1'000'000, at_ms(1000)) == 1'000'000 - 1000);
  CHECK(full_at(*kept.log) == at_ms(1000 + 86'400'000));
  // The store's clock was set back: it joins what ends later.
  REQUIRE(kept.take(at_ms(-500'000)));
  CHECK(text_of(kept.log->entries).size() <= 4000 + 20);
}

TEST_CASE("entries are read as they are written, and nothing else is") {
  const std::vector<LogEntry> entries{{5, 0}, {7, 12}, {kNowMs, 1'000'000'000}};
  CHECK(text_of(entries) == " 5:0 7:12 1700000000000:1000000000");
  CHECK(parse_log_entries(text_of(entries)) == entries);
  CHECK(parse_log_entries("") == std::vector<LogEntry>{});
  for (const char* text :
       {" ", "5:1", " 5", " 5:", " :1", " 5:1 ", " 5:1  7:1", " 7:1 5:1", " 5:-1", " 5:1 5:1",
        " 99999999999999999999:1", " 5:5000000000000", " 5:1x"}) {
    INFO(text);
    CHECK_FALSE(parse_log_entries(text));
  }
}
