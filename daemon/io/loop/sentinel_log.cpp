#include "daemon/io/loop/sentinel_log.hpp"

namespace rategate {
namespace {

using What = SentinelEvent::What;

struct Row {
  What what;
  LogLevel level;
  const char* name;
  const char* text;
};

constexpr Row kRows[] = {
    {What::PrimaryChanged, LogLevel::Warning, "primary_changed",
     "the sentinels name another primary: the connection to the one before is left"},
    {What::SentinelAway, LogLevel::Warning, "sentinel_away",
     "a sentinel does not tell who the primary is"},
    {What::SentinelBack, LogLevel::Info, "sentinel_back", "the sentinel names a primary again"},
    {What::SentinelDeaf, LogLevel::Warning, "sentinel_not_heard",
     "a sentinel cannot be listened to: another primary is noticed by asking it, up to a second "
     "later"},
    {What::MajorityLost, LogLevel::Warning, "sentinels_disagree",
     "no majority of the sentinels names a primary: the connection that there is stays, and no new "
     "one is made"},
    {What::MajorityBack, LogLevel::Info, "sentinels_agree",
     "a majority of the sentinels names a primary again"},
};

}  // namespace

void log_sentinel_event(Log& log, const SentinelEvent& event, std::string_view master) {
  for (const Row& row : kRows) {
    if (row.what != event.what) continue;
    const auto line = [&](auto... fields) {
      log.event(row.level, row.name, row.text, {{"master", master}, fields...});
    };
    switch (event.what) {
      case What::PrimaryChanged:
        return line(Field{"from", event.from}, Field{"to", event.to});
      case What::SentinelAway:
      case What::SentinelDeaf:
        return line(Field{"sentinel", event.sentinel}, Field{"why", event.why});
      case What::SentinelBack:
        return line(Field{"sentinel", event.sentinel});
      case What::MajorityLost:
        return line(Field{"why", event.why});
      case What::MajorityBack:
        return line(Field{"primary", event.to});
    }
  }
}

}  // namespace rategate
