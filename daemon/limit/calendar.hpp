// Windows that are periods of the calendar: days, weeks, months and years of a time zone. They are
// of unequal length, because months are, and because the zone's clocks are put forward and back.
// Pure: what a zone's clocks show comes in as a table, docs/calendar.md has the rules.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/base/words.hpp"

namespace rategate {

enum class CalendarUnit : std::uint8_t { Day, Week, Month, Year };
enum class Weekday : std::uint8_t {
  Monday,
  Tuesday,
  Wednesday,
  Thursday,
  Friday,
  Saturday,
  Sunday
};

template <>
inline constexpr std::array kWords<CalendarUnit>{
    Word{CalendarUnit::Day, "day"},
    Word{CalendarUnit::Week, "week"},
    Word{CalendarUnit::Month, "month"},
    Word{CalendarUnit::Year, "year"},
};
template <>
inline constexpr std::array kWords<Weekday>{
    Word{Weekday::Monday, "monday"},       Word{Weekday::Tuesday, "tuesday"},
    Word{Weekday::Wednesday, "wednesday"}, Word{Weekday::Thursday, "thursday"},
    Word{Weekday::Friday, "friday"},       Word{Weekday::Saturday, "saturday"},
    Word{Weekday::Sunday, "sunday"},
};

inline constexpr std::string_view kUtc = "UTC";

// What the clocks of a time zone show.
struct Zone {
  struct Offset {
    std::int64_t from_ms = 0;    // of the store's clock
    std::int64_t offset_ms = 0;  // so far they are ahead of UTC: less than 26 hours
  };
  std::string name{kUtc};
  std::vector<Offset> offsets{{}};  // in order, at least one; the first holds before it as well
};

// One period of a calendar, as it is told.
struct CalendarPeriod {
  CalendarUnit unit = CalendarUnit::Month;
  Weekday week_starts = Weekday::Monday;  // of weeks
  std::string timezone{kUtc};
  bool operator==(const CalendarPeriod&) const = default;
};
// "month", "month@Europe/Berlin", "week-sunday@America/New_York": another one for each.
std::string format_calendar_period(const CalendarPeriod& period);

// A line of windows without gaps, of which each has a number, one more than the one before it.
// Immutable.
class Calendar {
 public:
  explicit Calendar(CalendarPeriod period) : period_(std::move(period)) {}
  Calendar(const Calendar&) = delete;
  Calendar& operator=(const Calendar&) = delete;
  virtual ~Calendar() = default;

  // Of the window that holds the moment of the store's clock.
  virtual std::int64_t number_at(std::int64_t ms) const = 0;
  virtual std::int64_t start_ms(std::int64_t number) const = 0;
  // No window is longer.
  virtual std::int64_t longest_ms() const = 0;

  Window window_at(std::int64_t ms) const {
    const std::int64_t number = number_at(ms);
    return {start_ms(number), start_ms(number + 1)};
  }
  const CalendarPeriod& period() const { return period_; }

 private:
  CalendarPeriod period_;
};

// That of a time zone. A day begins at the first moment at which the zone's clocks show its date or
// a later one, and lasts until the next one begins, whatever the clocks do meanwhile.
class CivilCalendar : public Calendar {
 public:
  CivilCalendar(CalendarUnit unit, Weekday week_starts, const Zone& zone);

  std::int64_t number_at(std::int64_t ms) const override;
  std::int64_t start_ms(std::int64_t number) const override;
  std::int64_t longest_ms() const override { return longest_ms_; }

 private:
  // Days are counted since 1970-01-01.
  std::int64_t day_at(std::int64_t ms) const;
  std::int64_t day_start_ms(std::int64_t day) const;
  std::int64_t number_of(std::int64_t day) const;
  std::int64_t first_day_of(std::int64_t number) const;

  std::vector<Zone::Offset> offsets_;
  std::vector<std::int64_t> skipped_;  // days that never were, in order
  std::int64_t longest_ms_ = 0;
};

}  // namespace rategate
