#include "daemon/limit/calendar.hpp"

#include <algorithm>
#include <iterator>

namespace rategate {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;
// No zone's clocks are further from UTC.
constexpr std::int64_t kMostOffsetMs = 26 * kHourMs;
// 1970-01-05 was the first Monday.
constexpr std::int64_t kFirstMonday = 4;
constexpr std::int64_t kDaysOfEra = 146'097;  // the calendar repeats after 400 years
constexpr std::int64_t kDaysToEra = 719'468;  // from 0000-03-01 to 1970-01-01

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Of the first of a month, which is given as 12 * year + month - 1. Years begin in March here, so
// that the leap day is their last: H. Hinnant, chrono-compatible low-level date algorithms.
std::int64_t first_day_of_month(std::int64_t months) {
  const std::int64_t since_march = months - 2;
  const std::int64_t year = floor_div(since_march, 12);
  const std::int64_t month = since_march - 12 * year;  // 0: March
  const std::int64_t era = floor_div(year, 400);
  const std::int64_t of_era = year - 400 * era;
  const std::int64_t days = 365 * of_era + of_era / 4 - of_era / 100 + (153 * month + 2) / 5;
  return era * kDaysOfEra + days - kDaysToEra;
}

// The month of a day, by the same.
std::int64_t month_of(std::int64_t day) {
  const std::int64_t shifted = day + kDaysToEra;
  const std::int64_t era = floor_div(shifted, kDaysOfEra);
  const std::int64_t of_era = shifted - era * kDaysOfEra;
  const std::int64_t year =
      (of_era - of_era / 1460 + of_era / 36'524 - of_era / (kDaysOfEra - 1)) / 365;
  const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month = (5 * of_year + 2) / 153;
  return 12 * (400 * era + year) + month + 2;
}

// Where the clocks are never changed.
std::int64_t longest_of(CalendarUnit unit) {
  switch (unit) {
    case CalendarUnit::Day:
      return kDayMs;
    case CalendarUnit::Week:
      return 7 * kDayMs;
    case CalendarUnit::Month:
      return 31 * kDayMs;
    case CalendarUnit::Year:
      break;
  }
  return 366 * kDayMs;
}

}  // namespace

std::string format_calendar_period(const CalendarPeriod& period) {
  std::string text(to_text(period.unit));
  if (period.unit == CalendarUnit::Week && period.week_starts != Weekday::Monday) {
    text += "-" + std::string(to_text(period.week_starts));
  }
  if (period.timezone != kUtc) text += "@" + period.timezone;
  return text;
}

CivilCalendar::CivilCalendar(CalendarUnit unit, Weekday week_starts, const Zone& zone)
    : Calendar({unit, week_starts, zone.name}), offsets_(zone.offsets) {
  for (std::size_t i = 1; i < offsets_.size(); ++i) {
    // Clocks that jump over a whole day, as Samoa's did in 2011.
    const std::int64_t from = floor_div(offsets_[i].from_ms + offsets_[i - 1].offset_ms, kDayMs);
    const std::int64_t to = floor_div(offsets_[i].from_ms + offsets_[i].offset_ms, kDayMs);
    for (std::int64_t day = from; day <= to; ++day) {
      if (day_start_ms(day) == day_start_ms(day + 1)) skipped_.push_back(day);
    }
  }
  longest_ms_ = longest_of(unit);
  for (const Zone::Offset& change : offsets_) {
    for (const std::int64_t ms : {change.from_ms - 1, change.from_ms}) {
      const Window window = window_at(ms);
      longest_ms_ = std::max(longest_ms_, window.end_ms - window.start_ms);
    }
  }
}

std::int64_t CivilCalendar::day_start_ms(std::int64_t day) const {
  const std::int64_t shown_ms = day * kDayMs;
  const auto later = std::partition_point(
      offsets_.begin(), offsets_.end(),
      [&](const Zone::Offset& each) { return each.from_ms <= shown_ms - kMostOffsetMs; });
  auto at = later == offsets_.begin() ? later : std::prev(later);
  for (;; ++at) {
    // The first holds before it as well.
    const std::int64_t wanted = shown_ms - at->offset_ms;
    const std::int64_t ms = at == offsets_.begin() ? wanted : std::max(wanted, at->from_ms);
    const auto next = std::next(at);
    if (next == offsets_.end() || ms < next->from_ms) return ms;
  }
}

std::int64_t CivilCalendar::day_at(std::int64_t ms) const {
  const auto later =
      std::partition_point(offsets_.begin(), offsets_.end(),
                           [&](const Zone::Offset& each) { return each.from_ms <= ms; });
  const Zone::Offset& now = later == offsets_.begin() ? *later : *std::prev(later);
  std::int64_t day = floor_div(ms + now.offset_ms, kDayMs);
  // It may have begun already, and the clocks have gone back since.
  while (day_start_ms(day + 1) <= ms) ++day;
  return day;
}

std::int64_t CivilCalendar::number_of(std::int64_t day) const {
  switch (period().unit) {
    case CalendarUnit::Day:
      return day - std::distance(skipped_.begin(),
                                 std::lower_bound(skipped_.begin(), skipped_.end(), day));
    case CalendarUnit::Week:
      return floor_div(day - kFirstMonday - static_cast<std::int64_t>(period().week_starts), 7);
    case CalendarUnit::Month:
      return month_of(day);
    case CalendarUnit::Year:
      break;
  }
  return floor_div(month_of(day), 12);
}

std::int64_t CivilCalendar::first_day_of(std::int64_t number) const {
  switch (period().unit) {
    case CalendarUnit::Day:
      for (const std::int64_t day : skipped_) {
        if (day <= number) ++number;
      }
      return number;
    case CalendarUnit::Week:
      return 7 * number + kFirstMonday + static_cast<std::int64_t>(period().week_starts);
    case CalendarUnit::Month:
      return first_day_of_month(number);
    case CalendarUnit::Year:
      break;
  }
  return first_day_of_month(12 * number);
}

std::int64_t CivilCalendar::number_at(std::int64_t ms) const { return number_of(day_at(ms)); }

std::int64_t CivilCalendar::start_ms(std::int64_t number) const {
  return day_start_ms(first_day_of(number));
}

}  // namespace rategate
