// The calendars of the tz database, against what the C library's own reading of it says the date
// is: years of windows, in which days and weeks, months and years turn when the date does.
#include "daemon/config/calendars.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kStepMs = 15 * 60'000;

// The process is in that zone meanwhile.
class In {
 public:
  explicit In(const std::string& zone) {
    setenv("TZ", zone.c_str(), 1);
    tzset();
  }
  In(const In&) = delete;
  In& operator=(const In&) = delete;
  ~In() {
    unsetenv("TZ");
    tzset();
  }
  std::tm at(std::int64_t ms) const {
    const std::time_t seconds = ms / 1000;
    std::tm fields{};
    localtime_r(&seconds, &fields);
    return fields;
  }
};

std::int64_t utc(int year, int month, int day) {
  std::tm fields{};
  fields.tm_year = year - 1900;
  fields.tm_mon = month - 1;
  fields.tm_mday = day;
  return std::int64_t{timegm(&fields)} * 1000;
}

// The date in one number that grows.
std::int64_t date_of(const std::tm& fields) {
  return (fields.tm_year * 12LL + fields.tm_mon) * 31 + fields.tm_mday - 1;
}

// Whether a window of that unit begins with the day.
bool begins(CalendarUnit unit, Weekday week_starts, const std::tm& fields) {
  switch (unit) {
    case CalendarUnit::Day:
      return true;
    case CalendarUnit::Week:
      return (fields.tm_wday + 6) % 7 == static_cast<int>(week_starts);
    case CalendarUnit::Month:
      return fields.tm_mday == 1;
    case CalendarUnit::Year:
      break;
  }
  return fields.tm_yday == 0;
}

CivilCalendar calendar(CalendarUnit unit, Weekday week_starts, const char* name) {
  const auto zone = find_zone(name);
  REQUIRE(zone);
  return {unit, week_starts, *zone == nullptr ? Zone{} : **zone};
}

// Each moment at which the date is a new one, and higher than all before it.
void compare(const char* zone, CalendarUnit unit, Weekday week_starts, std::int64_t from_ms,
             std::int64_t until_ms) {
  CAPTURE(zone, to_text(unit), to_text(week_starts));
  const CivilCalendar windows = calendar(unit, week_starts, zone);
  const In place(zone);
  std::int64_t date = date_of(place.at(from_ms));
  Window window = windows.window_at(from_ms);
  std::int64_t wrong = 0;
  std::int64_t turned = 0;
  for (std::int64_t ms = from_ms + kStepMs; ms < until_ms; ms += kStepMs) {
    const std::tm shown = place.at(ms);
    const bool new_day = date_of(shown) > date;
    date = std::max(date, date_of(shown));
    const bool turns = new_day && begins(unit, week_starts, shown);
    const Window now = windows.window_at(ms);
    if (turns) {
      const bool follows = now.start_ms == ms && now.start_ms == window.end_ms &&
                           windows.number_at(ms) == windows.number_at(ms - 1) + 1;
      wrong += follows ? 0 : 1;
      ++turned;
    } else {
      wrong += now == window ? 0 : 1;
    }
    wrong += now.end_ms - now.start_ms <= windows.longest_ms() ? 0 : 1;
    window = now;
  }
  CHECK(wrong == 0);
  CHECK(turned > 0);
}

}  // namespace

TEST_CASE("days, weeks, months and years turn when the tz database says that the date does") {
  for (const char* zone : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"}) {
    const std::int64_t from = utc(2023, 12, 15);
    for (const CalendarUnit unit :
         {CalendarUnit::Day, CalendarUnit::Week, CalendarUnit::Month, CalendarUnit::Year}) {
      compare(zone, unit, Weekday::Monday, from, utc(2029, 2, 1));
    }
    compare(zone, CalendarUnit::Week, Weekday::Sunday, from, utc(2026, 1, 1));
    compare(zone, CalendarUnit::Week, Weekday::Saturday, from, utc(2026, 1, 1));
  }
}

TEST_CASE("and so they do where clocks change at midnight, or a day is left out") {
  for (const auto& [zone, from, until] :
       {std::tuple("America/Sao_Paulo", utc(2016, 1, 1), utc(2020, 1, 1)),
        std::tuple("Asia/Beirut", utc(2019, 1, 1), utc(2026, 1, 1)),
        std::tuple("Africa/Cairo", utc(2023, 1, 1), utc(2027, 1, 1)),
        std::tuple("America/Havana", utc(2022, 1, 1), utc(2026, 1, 1)),
        std::tuple("Pacific/Kwajalein", utc(1993, 1, 1), utc(1994, 1, 1))}) {
    for (const CalendarUnit unit : {CalendarUnit::Day, CalendarUnit::Month}) {
      compare(zone, unit, Weekday::Monday, from, until);
    }
  }
  compare("Pacific/Apia", CalendarUnit::Month, Weekday::Monday, utc(2011, 1, 1), utc(2013, 1, 1));
}

TEST_CASE("lengths that are known of a zone") {
  const auto hours = [](const char* zone, CalendarUnit unit, std::int64_t ms) {
    const Window window = calendar(unit, Weekday::Monday, zone).window_at(ms);
    return (window.end_ms - window.start_ms) / 3'600'000;
  };
  CHECK(hours("Europe/Berlin", CalendarUnit::Day, utc(2026, 3, 29)) == 23);
  CHECK(hours("Europe/Berlin", CalendarUnit::Day, utc(2026, 10, 25)) == 25);
  CHECK(hours("Europe/Berlin", CalendarUnit::Month, utc(2026, 3, 15)) == 743);
  CHECK(hours("Europe/Berlin", CalendarUnit::Month, utc(2026, 10, 15)) == 745);
  CHECK(hours("Europe/Berlin", CalendarUnit::Month, utc(2028, 2, 15)) == 29 * 24);
  CHECK(hours("America/New_York", CalendarUnit::Month, utc(2026, 11, 15)) == 721);
  CHECK(hours("America/New_York", CalendarUnit::Year, utc(2028, 7, 1)) == 366 * 24);
}

TEST_CASE("every zone has calendars, and none of them a window that is longer than a rule may be") {
  for (const char* zone :
       {"Europe/Berlin", "Pacific/Apia", "Africa/Monrovia", "Asia/Kathmandu", "Antarctica/Troll",
        "Etc/GMT+12", "America/St_Johns", "Africa/Casablanca", "Europe/Dublin", "America/Havana"}) {
    for (const CalendarUnit unit :
         {CalendarUnit::Day, CalendarUnit::Week, CalendarUnit::Month, CalendarUnit::Year}) {
      CAPTURE(zone, to_text(unit));
      const CivilCalendar windows = calendar(unit, Weekday::Monday, zone);
      CHECK(windows.longest_ms() <= RG_MAX_WINDOW_MS);
      std::int64_t number = windows.number_at(0);
      std::int64_t wrong = 0;
      for (; windows.start_ms(number) < utc(2109, 1, 1); ++number) {
        const Window window{windows.start_ms(number), windows.start_ms(number + 1)};
        const bool right = window.start_ms < window.end_ms && window.start_ms % 1000 == 0 &&
                           windows.number_at(window.start_ms) == number &&
                           windows.number_at(window.end_ms - 1) == number &&
                           window.end_ms - window.start_ms <= windows.longest_ms();
        wrong += right ? 0 : 1;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("only a zone of the database is one") {
  const std::string expected = "expected a zone of the tz database, such as Europe/Berlin";
  CHECK(find_zone("Mars/Olympus").error() == expected);
  CHECK(find_zone("Europe/Berln").error() == expected + "; did you mean \"Europe/Berlin\"?");
  for (const char* name : {"", "localtime", "../../../etc/passwd", "/etc/localtime", "Europe",
                           "posix/Europe/Berlin", "right/Europe/Berlin", "CET-1CEST"}) {
    CAPTURE(name);
    CHECK_FALSE(find_zone(name));
  }
  CHECK(*find_zone("UTC") == nullptr);
}
