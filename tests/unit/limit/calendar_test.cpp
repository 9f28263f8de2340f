// The calendar's windows in zones whose clocks are given: lengths, numbers, and what becomes of
// midnights that do not exist, or come twice. tests/unit/config/calendars_test.cpp has the zones of
// the tz database.
#include "daemon/limit/calendar.hpp"

#include <array>

#include "daemon/limit/clock_reading.hpp"
#include "daemon/limit/limit_use.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;

// Days of 1970 and later, by the plainest way.
constexpr std::int64_t day_of(int year, int month, int day) {
  constexpr std::array kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const auto is_leap = [](int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; };
  std::int64_t days = day - 1;
  for (int y = 1970; y < year; ++y) days += is_leap(y) ? 366 : 365;
  for (int m = 1; m < month; ++m) {
    days += kDays[static_cast<std::size_t>(m - 1)] + (m == 2 && is_leap(year) ? 1 : 0);
  }
  return days;
}
constexpr std::int64_t at(int year, int month, int day, std::int64_t ms = 0) {
  return day_of(year, month, day) * kDay + ms;
}

Zone zone(std::vector<Zone::Offset> offsets) { return {"Some/Where", std::move(offsets)}; }

// An hour ahead, two in a summer of 2026 that begins and ends at that hour of the zone's clocks.
Zone summer(std::int64_t begins, std::int64_t ends) {
  return zone({{0, kHour},
               {at(2026, 3, 29, begins - kHour), 2 * kHour},
               {at(2026, 10, 25, ends - 2 * kHour), kHour}});
}

CivilCalendar calendar(CalendarUnit unit, const Zone& zone = {},
                       Weekday week_starts = Weekday::Monday) {
  return {unit, week_starts, zone};
}

std::int64_t length(const Window& window) { return window.end_ms - window.start_ms; }

}  // namespace

TEST_CASE("months and years of UTC begin where they do, leap years and centuries included") {
  const CivilCalendar months = calendar(CalendarUnit::Month);
  const CivilCalendar years = calendar(CalendarUnit::Year);
  for (int year = 1970; year < 2109; ++year) {
    CHECK(years.window_at(at(year, 7, 1)) == Window{at(year, 1, 1), at(year + 1, 1, 1)});
    for (int month = 1; month <= 12; ++month) {
      const std::int64_t end = month == 12 ? at(year + 1, 1, 1) : at(year, month + 1, 1);
      const Window whole{at(year, month, 1), end};
      CHECK(months.window_at(whole.start_ms) == whole);
      CHECK(months.window_at(whole.end_ms - 1) == whole);
      CHECK(months.number_at(whole.end_ms) == months.number_at(whole.start_ms) + 1);
    }
  }
  CHECK(length(months.window_at(at(2028, 2, 29))) == 29 * kDay);
  CHECK(length(months.window_at(at(2100, 2, 10))) == 28 * kDay);
  CHECK(months.longest_ms() == 31 * kDay);
  CHECK(years.longest_ms() == 366 * kDay);
}

TEST_CASE("a week begins with the day that is said") {
  // 2026-11-29 was a Sunday.
  const std::int64_t sunday = at(2026, 11, 29);
  CHECK(calendar(CalendarUnit::Week).window_at(sunday) ==
        Window{at(2026, 11, 23), at(2026, 11, 30)});
  for (int i = 0; i < 7; ++i) {
    const auto starts = static_cast<Weekday>(i);
    const CivilCalendar weeks = calendar(CalendarUnit::Week, {}, starts);
    const std::int64_t monday = at(2026, 11, 23);
    for (int day = 0; day < 21; ++day) {
      const Window window = weeks.window_at(monday + day * kDay + 1);
      CHECK(length(window) == 7 * kDay);
      CHECK((window.start_ms - monday - i * kDay) % (7 * kDay) == 0);
      CHECK((window.start_ms <= monday + day * kDay && monday + day * kDay < window.end_ms));
    }
  }
}

TEST_CASE("a day has 23 hours where clocks are put forward, and 25 where they are put back") {
  const Zone berlin = summer(2 * kHour, 3 * kHour);
  const CivilCalendar days = calendar(CalendarUnit::Day, berlin);
  CHECK(days.window_at(at(2026, 3, 29)) ==
        Window{at(2026, 3, 28, 23 * kHour), at(2026, 3, 29, 22 * kHour)});
  CHECK(length(days.window_at(at(2026, 10, 25))) == 25 * kHour);
  CHECK(length(days.window_at(at(2026, 10, 26))) == 24 * kHour);
  CHECK(days.longest_ms() == 25 * kHour);
  const CivilCalendar months = calendar(CalendarUnit::Month, berlin);
  CHECK(length(months.window_at(at(2026, 3, 15))) == 743 * kHour);
  CHECK(length(months.window_at(at(2026, 10, 15))) == 745 * kHour);
  CHECK(months.longest_ms() == 745 * kHour);
  const CivilCalendar weeks = calendar(CalendarUnit::Week, berlin);
  CHECK(length(weeks.window_at(at(2026, 3, 29))) == 167 * kHour);
  CHECK(weeks.longest_ms() == 169 * kHour);
  CHECK(calendar(CalendarUnit::Year, berlin).longest_ms() == 8784 * kHour);
}

TEST_CASE("a day whose midnight does not exist begins at the first moment that does") {
  const CivilCalendar days = calendar(CalendarUnit::Day, summer(0, 3 * kHour));
  const std::int64_t change = at(2026, 3, 29, -kHour);
  CHECK(days.window_at(change) == Window{change, at(2026, 3, 29, 22 * kHour)});
  CHECK(days.window_at(change - 1).end_ms == change);
  CHECK(length(days.window_at(change)) == 23 * kHour);
}

TEST_CASE("a day whose midnight comes twice begins with the first, and does not end again") {
  // From 01:00 to 00:00, and from 00:01 to 23:01.
  for (const std::int64_t ends : {kHour, kHour / 60}) {
    const CivilCalendar days = calendar(CalendarUnit::Day, summer(2 * kHour, ends));
    const std::int64_t first = at(2026, 10, 25, -2 * kHour);
    CHECK(days.window_at(first) == Window{first, at(2026, 10, 25, 23 * kHour)});
    CHECK(days.window_at(first + ends).start_ms == first);
    CHECK(days.window_at(first - 1).end_ms == first);
  }
  // From 24:00 to 23:00: the date was not shown before.
  const CivilCalendar days = calendar(CalendarUnit::Day, summer(2 * kHour, 0));
  CHECK(length(days.window_at(at(2026, 10, 24))) == 25 * kHour);
}

TEST_CASE("a day that never was is no window, and those around it follow each other") {
  // Samoa, from -10 to +14 at the end of 29 December 2011.
  const std::int64_t change = at(2011, 12, 30, 10 * kHour);
  const Zone samoa = zone({{0, -10 * kHour}, {change, 14 * kHour}});
  const CivilCalendar days = calendar(CalendarUnit::Day, samoa);
  CHECK(days.window_at(change) == Window{change, change + kDay});
  CHECK(days.window_at(change - 1) == Window{change - kDay, change});
  CHECK(days.number_at(change) == days.number_at(change - 1) + 1);
  const std::int64_t last = days.number_at(change - 1);
  for (std::int64_t number = last - 400; number < last + 400; ++number) {
    const std::int64_t start = days.start_ms(number);
    CHECK(days.number_at(start) == number);
    CHECK(days.start_ms(number + 1) == start + kDay);
  }
  CHECK(length(calendar(CalendarUnit::Week, samoa).window_at(change)) == 6 * kDay);
}

TEST_CASE("a reading lies in a window of the calendar, or between two") {
  const CivilCalendar months = calendar(CalendarUnit::Month);
  const Window october{at(2026, 10, 1), at(2026, 11, 1)};
  const Window november{at(2026, 11, 1), at(2026, 12, 1)};
  const std::int64_t edge = november.start_ms * 1000;
  const Placed open = place(ClockReading{{edge - 2}, {edge - 1}}, months);
  CHECK((open.open && open.window == october));
  const Placed between = place(ClockReading{{edge - 2}, {edge}}, months);
  CHECK((!between.open && between.window == november && between.opens_in_us == 2));
  const Placed next = place(ClockReading{{edge}, {edge + 1}}, months);
  CHECK((next.open && next.window == november));
}

TEST_CASE("windows that follow each other are told apart, whatever their lengths are") {
  for (const CalendarUnit unit :
       {CalendarUnit::Day, CalendarUnit::Week, CalendarUnit::Month, CalendarUnit::Year}) {
    Limit limit;
    limit.name = "api";
    limit.permits = 10;
    limit.redis_key = *KeyTemplate::parse(kDefaultRedisKey);
    limit.calendar =
        std::make_shared<const CivilCalendar>(unit, Weekday::Monday, summer(2 * kHour, 3 * kHour));
    limit.period_ms = limit.calendar->longest_ms();
    const LimitUse use(std::make_shared<const Limit>(limit));
    Window window = limit.calendar->window_at(at(2020, 1, 15));
    for (int i = 0; i < 5000; ++i) {
      const Window next = use.next_after(window);
      CHECK(next.start_ms == window.end_ms);
      CHECK(use.parity_of(next) != use.parity_of(window));
      CHECK(use.window_ending(next.end_ms) == next);
      CHECK(length(next) <= limit.period_ms);
      window = next;
    }
  }
}

TEST_CASE("the counter's name has the calendar in it, and the moment at which the window begins") {
  const auto name = [](CalendarUnit unit, Weekday starts, const Zone& zone) {
    Limit limit;
    limit.name = "api";
    limit.redis_key = *KeyTemplate::parse(kDefaultRedisKey);
    limit.calendar = std::make_shared<const CivilCalendar>(unit, starts, zone);
    limit.period_ms = limit.calendar->longest_ms();
    return counter_names(limit).of("k", limit.calendar->window_at(at(2026, 11, 29)).start_ms);
  };
  const Zone berlin{"Europe/Berlin", {{0, kHour}}};
  CHECK(name(CalendarUnit::Month, Weekday::Monday, {}) == "rategate:{api:k}:month:1793491200");
  CHECK(name(CalendarUnit::Month, Weekday::Monday, berlin) ==
        "rategate:{api:k}:month@Europe/Berlin:1793487600");
  CHECK(name(CalendarUnit::Week, Weekday::Monday, {}) == "rategate:{api:k}:week:1795392000");
  CHECK(name(CalendarUnit::Week, Weekday::Sunday, berlin) ==
        "rategate:{api:k}:week-sunday@Europe/Berlin:1795906800");
  CHECK(name(CalendarUnit::Day, Weekday::Monday, berlin) ==
        "rategate:{api:k}:day@Europe/Berlin:1795906800");
  CHECK(name(CalendarUnit::Year, Weekday::Monday, {}) == "rategate:{api:k}:year:1767225600");
}
