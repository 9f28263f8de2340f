#include "daemon/config/calendars.hpp"

#include <date/tz.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/nearest.hpp"

namespace rategate {
namespace {

// Where Debian's build of the library looks.
constexpr std::string_view kDatabase = "/usr/share/zoneinfo";
// More than any zone has until 2037, where the files of the database end.
constexpr std::size_t kMostOffsets = 1000;
constexpr std::int64_t kChangesUntilMs = 2'114'380'800'000;  // 2037-01-01
// It is what this host was told to be in, and no zone that hosts could agree on.
constexpr std::string_view kLocalTime = "localtime";

std::int64_t ms_of(std::chrono::seconds seconds) { return std::int64_t{seconds.count()} * 1000; }

// The library throws where there is no database, and no file of a zone that it has listed.
const date::tzdb* database() {
  try {
    const date::tzdb& found = date::get_tzdb();
    return found.zones.size() > 1 ? &found : nullptr;
  } catch (const std::runtime_error&) {
    return nullptr;
  }
}

const date::time_zone* listed(const date::tzdb& zones, std::string_view name) {
  if (name == kLocalTime) return nullptr;
  for (const date::time_zone& zone : zones.zones) {
    if (zone.name() == name) return &zone;
  }
  return nullptr;
}

Error unknown(const date::tzdb& zones, std::string_view name) {
  std::string text = "expected a zone of the tz database, such as Europe/Berlin";
  std::vector<std::string_view> names;
  for (const date::time_zone& zone : zones.zones) {
    if (zone.name() != kLocalTime) names.push_back(zone.name());
  }
  if (const auto near = nearest(name, names)) {
    text += "; did you mean \"" + std::string(*near) + "\"?";
  }
  return Error{text};
}

// Whether the clocks are changed by a rule at the end of the zone's file, which the library does
// not read, long before the changes that stand in it would end.
bool is_left_to_a_rule(const Zone& zone) {
  std::string path(kDatabase);
  path.append("/").append(zone.name);
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t line = text.size() < 2 ? text.npos : text.rfind('\n', text.size() - 2);
  const bool has_rule = line != text.npos && text.find(',', line) != text.npos;
  return has_rule && zone.offsets.back().from_ms < kChangesUntilMs;
}

Zone read(const date::time_zone& found) {
  Zone zone{found.name(), {}};
  date::sys_seconds at{};
  while (zone.offsets.size() < kMostOffsets) {
    const date::sys_info info = found.get_info(at);
    const std::int64_t from_ms = zone.offsets.empty() ? 0 : ms_of(info.begin.time_since_epoch());
    zone.offsets.push_back({from_ms, ms_of(info.offset)});
    if (info.end <= at || info.end.time_since_epoch() > std::chrono::hours(24 * 365 * 140)) break;
    at = info.end;
  }
  return zone;
}

}  // namespace

Result<ZonePtr> find_zone(std::string_view name) {
  if (name == kUtc) return ZonePtr();
  const date::tzdb* const zones = database();
  if (zones == nullptr) {
    std::string text = "expected \"UTC\", as there is no tz database in ";
    return Error{text.append(kDatabase).append("; Debian has it in the package tzdata")};
  }
  const date::time_zone* const found = listed(*zones, name);
  if (found == nullptr) return unknown(*zones, name);
  try {
    auto zone = std::make_shared<const Zone>(read(*found));
    if (!is_left_to_a_rule(*zone)) return ZonePtr(std::move(zone));
    return Error{
        "expected a tz database that has the zone's changes until 2037 in it, as Debian's has: "
        "this "
        "one leaves them to a rule"};
  } catch (const std::runtime_error& failure) {
    return Error{"expected a zone that can be read: " + std::string(failure.what())};
  }
}

void set_period(Limit& limit, const Rate& rate, const CalendarChoice& choice) {
  limit.period_ms = rate.period_ms;
  limit.calendar = nullptr;
  const bool is_24_hours = rate.unit == CalendarUnit::Day && choice.zone == nullptr;
  if (!rate.unit || is_24_hours) return;
  const Zone utc;
  limit.calendar = std::make_shared<const CivilCalendar>(
      *rate.unit, choice.week_starts, choice.zone == nullptr ? utc : *choice.zone);
  limit.period_ms = limit.calendar->longest_ms();
}

}  // namespace rategate
