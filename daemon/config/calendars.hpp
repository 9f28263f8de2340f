// The calendars by which limits with a period of a day, week, month or year count, and the time
// zones that they are of. The system's tz database is read here, by Howard Hinnant's library, while
// a configuration is loaded and at no other time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "daemon/base/result.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {

inline constexpr const char* kNoCalendarBucket =
    "expected algorithm = \"fixed-window\" with a period of the calendar: others have no "
    "aligned windows";

using ZonePtr = std::shared_ptr<const Zone>;

struct CalendarChoice {
  ZonePtr zone;  // null: UTC
  Weekday week_starts = Weekday::Monday;
};

// A zone of the tz database by its name, with what its clocks have shown since 1970. UTC is there
// without one. Error: what was expected. A database is read once in the life of a process.
Result<ZonePtr> find_zone(std::string_view name);

// Gives the limit the rate's period: of a calendar where that is a week, month or year, or a day of
// another zone than UTC, whose days are 24 hours.
void set_period(Limit& limit, const Rate& rate, const CalendarChoice& choice);

}  // namespace rategate
