#include "daemon/io/loop/store_log.hpp"

namespace rategate {
namespace {

struct Row {
  StoreEvent::What what;
  LogLevel level;
  const char* name;
  const char* text;
};

constexpr Row kRows[] = {
    {StoreEvent::What::Up, LogLevel::Info, "store_up", "the store answers"},
    {StoreEvent::What::Connecting, LogLevel::Debug, "store_connecting",
     "the connection to the store was lost"},
    {StoreEvent::What::Away, LogLevel::Warning, "store_away",
     "the store is away; checks are answered by on_store_down"},
    {StoreEvent::What::WindowsLost, LogLevel::Warning, "windows_lost",
     "the store was restarted, emptied or replaced, its counters may be lost: the windows that "
     "were open then are denied, to their end or, where on_store_lost counts on in them, until all "
     "hosts have told what they know; where nothing was lost, stopping every rategated, deleting "
     "the key `record` in the store, and starting them again ends that"},
    {StoreEvent::What::WereLost, LogLevel::Info, "windows_were_lost",
     "the store was restarted or replaced before this daemon was started, its counters may be "
     "lost: the windows that were open then are denied, to their end or, where on_store_lost "
     "counts on in them, until all hosts have told what they know"},
    {StoreEvent::What::ReignNotKnown, LogLevel::Warning, "reign_not_known",
     "whether the store has lost counters before this daemon knew it cannot be learned: it does "
     "not take the record of its reign"},
    {StoreEvent::What::FailoverNotSeen, LogLevel::Warning, "failover_not_seen",
     "the store does not tell its master_replid: that another server has taken its place is seen "
     "by the run id alone, at the next connection"},
    {StoreEvent::What::Evicts, LogLevel::Warning, "store_evicts",
     "the store may evict counters, and would then admit too much; set maxmemory-policy to "
     "noeviction"},
    {StoreEvent::What::Refuses, LogLevel::Warning, "store_refuses",
     "the store refuses reservations; checks are answered by on_store_down"},
    {StoreEvent::What::Accepts, LogLevel::Info, "store_accepts",
     "the store takes reservations again"},
    {StoreEvent::What::CounterSpoilt, LogLevel::Warning, "counter_spoilt",
     "a counter cannot be used; its checks are answered by on_store_down"},
    {StoreEvent::What::BucketAhead, LogLevel::Warning, "bucket_ahead",
     "a token bucket is as if permits had been taken in the time to come, and denies until then: "
     "the "
     "store's clock is behind the one by which they were taken, or hosts with lower rates ask for "
     "it, "
     "or all of it is booked ahead; CLEAR begins it anew"},
    {StoreEvent::What::LimitRefused, LogLevel::Warning, "limit_refused",
     "the store refuses the counters of a limit; its checks are answered by on_store_down"},
    {StoreEvent::What::Slow, LogLevel::Warning, "store_slow",
     "more is asked than the way to the store passes; checks whose time is over before they can be "
     "asked for are answered by on_store_down"},
    {StoreEvent::What::Keeps, LogLevel::Info, "store_keeps_up", "the store keeps up again"},
    {StoreEvent::What::PasswordRenewed, LogLevel::Info, "password_renewed",
     "the connection to the store goes on with the newest password"},
    {StoreEvent::What::PasswordUnused, LogLevel::Warning, "password_unused",
     "the newest password for the store is not in use; a connection that is there goes on as it "
     "was"},
    {StoreEvent::What::ClockStepped, LogLevel::Warning, "clock_stepped",
     "the store's clock and this host's have moved against each other more than drift explains"},
    {StoreEvent::What::ClockTrusted, LogLevel::Info, "clock_trusted",
     "the store's time is known well enough again"},
    {StoreEvent::What::ClockNotTrusted, LogLevel::Warning, "clock_not_trusted",
     "the store's time is not known well enough; checks are denied with reason 4"},
};

const Row* row_of(StoreEvent::What what) {
  for (const Row& row : kRows) {
    if (row.what == what) return &row;
  }
  return nullptr;
}

}  // namespace

void log_store_event(Log& log, const StoreEvent& event, const StoreStatus& status,
                     std::int64_t max_error_us) {
  using What = StoreEvent::What;
  const Row* const row = row_of(event.what);
  if (row == nullptr) return;
  const auto line = [&](auto... fields) {
    log.event(row->level, row->name, row->text, {{"store", status.address}, fields...});
  };
  switch (event.what) {
    case What::Up:
      if (status.run_id.empty()) return line();
      return line(Field{"version", status.version}, Field{"run_id", status.run_id});
    case What::WindowsLost:
    case What::WereLost:
      return line(Field{"run_id", status.run_id}, Field{"through_ms", event.number},
                  Field{"record", event.why});
    case What::Evicts:
      return line(Field{"maxmemory_policy", event.why});
    case What::BucketAhead:
      return line(Field{"counter", event.why}, Field{"ahead_ms", event.number});
    case What::LimitRefused:
      return line(Field{"limit", event.limit}, Field{"why", event.why});
    case What::Slow:
    case What::Keeps:
      return line(Field{"window", event.number});
    case What::ClockStepped:
      return line(Field{"by_us", event.number});
    case What::ClockTrusted:
      return line(Field{"error_us", event.number});
    case What::ClockNotTrusted:
      return line(Field{"error_us", event.number}, Field{"max_error_us", max_error_us});
    case What::Accepts:
    case What::PasswordRenewed:
      return line();
    default:
      return line(Field{"why", event.why});
  }
}

}  // namespace rategate
