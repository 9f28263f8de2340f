#include "daemon/metrics/table.hpp"

namespace rategate {
namespace {

constexpr std::string_view kSections[] = {"server", "clients", "store",
                                          "limits", "leases",  "stats"};

// A reader of one member: of the snapshot itself, or of that part of it.
template <auto Member>
Value whole(const Snapshot& snapshot) {
  return value_of(snapshot.*Member);
}
template <auto Member>
Value process(const Snapshot& snapshot) {
  return value_of(snapshot.process.*Member);
}
template <auto Member>
Value clients(const Snapshot& snapshot) {
  return value_of(snapshot.clients.*Member);
}
template <auto Member>
Value sessions(const Snapshot& snapshot) {
  return value_of(snapshot.sessions.*Member);
}
template <auto Member>
Value store(const Snapshot& snapshot) {
  return value_of(snapshot.store.*Member);
}
template <auto Member>
Value sentinels(const Snapshot& snapshot) {
  return value_of(snapshot.sentinels.*Member);
}
template <auto Member>
Value cluster(const Snapshot& snapshot) {
  return value_of(snapshot.cluster.*Member);
}
template <auto Member>
Value clock(const Snapshot& snapshot) {
  return value_of(snapshot.clock.*Member);
}
template <auto Member>
Value shm(const Snapshot& snapshot) {
  return value_of(snapshot.shm.*Member);
}
template <auto Member>
Value gate(const Snapshot& snapshot) {
  return value_of(snapshot.gate.*Member);
}
template <auto Member>
Value holds(const Snapshot& snapshot) {
  return value_of(snapshot.holds.*Member);
}
template <auto Member>
Value permits(const Snapshot& snapshot) {
  return value_of(snapshot.permits.*Member);
}

// Fills a row; what a kind does not use stays empty.
struct Row : Metric {
  constexpr Row(std::string_view in, std::string_view called, MetricKind k, Unit u,
                Value (*reader)(const Snapshot&), std::string_view text)
      : Metric{{called, k, u, text, {}, {}, {}}, in, reader} {}
  // In Prometheus.
  constexpr Row as(std::string_view of_family, std::string_view with_labels = {}) const {
    Row row = *this;
    row.family = of_family;
    row.labels = with_labels;
    return row;
  }
  constexpr Row one_of(std::string_view list) const {
    Row row = *this;
    row.words = list;
    return row;
  }
};

using enum MetricKind;

constexpr Metric kMetrics[] = {
    Row("server", "rategate_version", Property, Unit::Text, process<&ProcessFacts::version>,
        "The daemon's version, as HELLO says it.")
        .as("rategate_build_info", "version"),
    Row("server", "process_id", Property, Unit::Count, process<&ProcessFacts::pid>,
        "The daemon's process."),
    Row("server", "uptime_in_seconds", Gauge, Unit::Seconds, process<&ProcessFacts::uptime_s>,
        "Time since the daemon started; all totals count from there."),
    Row("server", "socket", Property, Unit::Text, process<&ProcessFacts::socket>,
        "The path that is listened on."),
    Row("server", "config_file", Property, Unit::Text, process<&ProcessFacts::config_file>,
        "The configuration's file; empty where there is none."),

    Row("clients", "connected_clients", Gauge, Unit::Count, clients<&ClientFacts::open>,
        "Connections that are open now.")
        .as("rategate_connections"),
    Row("clients", "max_clients", Gauge, Unit::Count, clients<&ClientFacts::most>,
        "Connections that there may be at once: max_clients, or fewer where RLIMIT_NOFILE is too "
        "low for them.")
        .as("rategate_connections_limit"),
    Row("clients", "waiting_checks", Gauge, Unit::Count, whole<&Overview::checks_waiting>,
        "Checks that wait for the store now, of all connections.")
        .as("rategate_checks_waiting"),
    Row("clients", "acquiring", Gauge, Unit::Count, whole<&Overview::acquiring>,
        "Checks that wait in ACQUIRE now, beside those.")
        .as("rategate_acquiring"),
    Row("clients", "total_connections_received", Counter, Unit::Count,
        sessions<&SessionStats::accepted>,
        "Connections that came, those that were turned away included.")
        .as("rategate_connections_accepted_total"),
    Row("clients", "rejected_connections", Counter, Unit::Count, sessions<&SessionStats::rejected>,
        "Connections that were turned away, above max_clients.")
        .as("rategate_connections_rejected_total"),
    Row("clients", "buffer_bytes", Gauge, Unit::Bytes, clients<&ClientFacts::buffer_bytes>,
        "Kept for all connections together: requests not whole, answers not read.")
        .as("rategate_buffer_bytes"),

    Row("store", "store", Property, Unit::Text, store<&StoreFacts::kind>,
        "Which store it is: redis or memory.")
        .as("rategate_store_info", "kind"),
    Row("store", "store_status", State, Unit::Text, store<&StoreFacts::state>,
        "The store's state: up, connecting, away, or refusing: it is there but takes no "
        "reservations.")
        .as("rategate_store_state", "state")
        .one_of("connecting up refusing away"),
    Row("store", "store_address", Property, Unit::Text, store<&StoreFacts::address>,
        "Where the store is."),
    Row("store", "store_version", Property, Unit::Text, store<&StoreFacts::version>,
        "The store's version, as it says itself.")
        .as("rategate_store_info", "version"),
    Row("store", "store_run_id", Property, Unit::Text, store<&StoreFacts::run_id>,
        "The store's run id: another one means that it was restarted."),
    Row("store", "store_error", Property, Unit::Text, store<&StoreFacts::error>,
        "The last thing that went wrong with the store; empty when it is up."),
    Row("store", "store_password_error", Property, Unit::Text, store<&StoreFacts::password_error>,
        "Why the newest password is not in use: it was refused, or cannot be fetched; else empty."),
    Row("store", "store_reconnects", Counter, Unit::Count, store<&StoreFacts::reconnects>,
        "Connections to the store after the first.")
        .as("rategate_store_reconnects_total"),
    Row("store", "store_queue", Gauge, Unit::Count, whole<&Overview::store_queue>,
        "Counters that checks wait for and that the store is to be asked for next.")
        .as("rategate_store_queue"),
    Row("store", "hosts_seen", Gauge, Unit::Count, whole<&Overview::hosts>,
        "Hosts that count in this Redis, as far as is known; 0 where no limit has share = "
        "\"auto\".")
        .as("rategate_hosts_seen"),
    Row("store", "store_counters", Gauge, Unit::Count, store<&StoreFacts::counters>,
        "Counters that the memory store holds, of 1000000 at most; empty where the store is Redis.")
        .as("rategate_store_counters"),
    Row("store", "sentinel_master", Property, Unit::Text, sentinels<&SentinelFacts::master>,
        "The name by which the sentinels know the primary; this and what follows of them is empty "
        "where there are none.")
        .as("rategate_store_info", "master"),
    Row("store", "sentinels_configured", Gauge, Unit::Count, sentinels<&SentinelFacts::configured>,
        "Sentinels that are asked who the primary is.")
        .as("rategate_sentinels"),
    Row("store", "sentinels_answering", Gauge, Unit::Count, sentinels<&SentinelFacts::answering>,
        "Sentinels that named a primary when they were asked last.")
        .as("rategate_sentinels_answering"),
    Row("store", "sentinels_agreeing", Gauge, Unit::Count, sentinels<&SentinelFacts::agreeing>,
        "Sentinels that named the primary in use when they were asked last; it is left where more "
        "than half name another.")
        .as("rategate_sentinels_agreeing"),
    Row("store", "primary_changes", Counter, Unit::Count,
        sentinels<&SentinelFacts::primary_changes>,
        "Times that the sentinels named another primary than the one in use, or that a shard of "
        "the cluster got another one.")
        .as("rategate_primary_changes_total"),
    Row("store", "primary_replicas", Gauge, Unit::Count, sentinels<&SentinelFacts::replicas>,
        "Replicas of the primary in use that a majority of the sentinels lists; empty where they "
        "do not tell.")
        .as("rategate_primary_replicas"),
    Row("store", "primary_proof_us", Gauge, Unit::Microseconds,
        sentinels<&SentinelFacts::proof_age_us>,
        "How long ago the questions were sent by whose answers a majority of the sentinels named "
        "the primary in use; empty where none names it.")
        .as("rategate_primary_proof_age_seconds"),
    Row("store", "cluster_shards", Gauge, Unit::Count, cluster<&ClusterFacts::shards>,
        "Shards of the cluster that are in use; this and what follows of it is empty where there "
        "is none.")
        .as("rategate_cluster_shards"),
    Row("store", "cluster_shards_up", Gauge, Unit::Count, cluster<&ClusterFacts::up>,
        "Those of them that answer.")
        .as("rategate_cluster_shards_up"),
    Row("store", "cluster_shards_away", Gauge, Unit::Count, cluster<&ClusterFacts::away>,
        "Those of them that are away: their counters are answered by on_store_down.")
        .as("rategate_cluster_shards_away"),
    Row("store", "cluster_slots_unserved", Gauge, Unit::Count,
        cluster<&ClusterFacts::slots_unserved>,
        "Slots of the cluster that are in no shard: their counters are answered by on_store_down.")
        .as("rategate_cluster_slots_unserved"),
    Row("store", "windows_lost", Counter, Unit::Count, gate<&GateStats::windows_lost>,
        "How often counts of open windows were lost, of a whole store or shard, or of a counter "
        "that holds less than this host was charged: the rest of each was denied, or, by "
        "on_store_lost, counted on.")
        .as("rategate_windows_lost_total"),
    Row("store", "clock_offset_us", Gauge, Unit::Microseconds, clock<&ClockFacts::offset_us>,
        "The store's clock less CLOCK_BOOTTIME; empty before it is measured."),
    Row("store", "clock_error_us", Gauge, Unit::Microseconds, clock<&ClockFacts::error_us>,
        "How far the measured offset to the store's clock may be off by now.")
        .as("rategate_clock_error_seconds"),
    Row("store", "clock_trusted", Gauge, Unit::Flag, clock<&ClockFacts::trusted>,
        "1 where the store's time is known well enough; 0: checks are refused with reason 4.")
        .as("rategate_clock_trusted"),

    Row("limits", "configured", Gauge, Unit::Count, whole<&Overview::limits_configured>,
        "Limits that are configured.")
        .as("rategate_limits", R"(declared="0")"),
    Row("limits", "declared", Gauge, Unit::Count, whole<&Overview::limits_declared>,
        "Limits that calls have declared.")
        .as("rategate_limits", R"(declared="1")"),
    Row("limits", "declared_gave_way", Counter, Unit::Count, whole<&Overview::limits_gave_way>,
        "Declared limits that gave way to others, above max_declared, though counters were of "
        "them.")
        .as("rategate_limits_gave_way_total"),

    Row("leases", "permits_reserved", Counter, Unit::Count, permits<&Books::Totals::reserved>,
        "Permits that this daemon has reserved in the store; with those that were settled and put "
        "back, those that are spent, released, stranded and held add up to it.")
        .as("rategate_permits_reserved_total"),
    Row("leases", "permits_settled", Counter, Unit::Count, permits<&Books::Totals::settled>,
        "Permits that had been spent, and that their takers gave back (REFUND, SETTLE).")
        .as("rategate_permits_settled_total"),
    Row("leases", "permits_overdrawn", Counter, Unit::Count, gate<&GateStats::overdrawn>,
        "Permits that were used and never taken, and were charged without a test (SETTLE).")
        .as("rategate_permits_overdrawn_total"),
    Row("leases", "counters_cleared", Counter, Unit::Count, gate<&GateStats::cleared>,
        "Counters that this daemon has let begin anew (CLEAR).")
        .as("rategate_counters_cleared_total"),
    Row("leases", "permits_spent", Counter, Unit::Count, permits<&Books::Totals::spent>,
        "Reserved permits that went to checks which came to the daemon.")
        .as("rategate_permits_spent_total", R"(path="socket")"),
    Row("leases", "permits_spent_shared", Counter, Unit::Count,
        permits<&Books::Totals::spent_by_clients>,
        "Reserved permits that clients took in shared memory.")
        .as("rategate_permits_spent_total", R"(path="shm")"),
    Row("leases", "permits_put_back", Counter, Unit::Count, permits<&Books::Totals::put_back>,
        "Of those, permits that clients put back: another limit of the same check had too few.")
        .as("rategate_permits_put_back_total"),
    Row("leases", "permits_released", Counter, Unit::Count, permits<&Books::Totals::released>,
        "Reserved permits that were given back to the store.")
        .as("rategate_permits_released_total"),
    Row("leases", "permits_stranded", Counter, Unit::Count, permits<&Books::Totals::stranded>,
        "Reserved permits that nobody got: their window or slice ended before, or the answer came "
        "too late.")
        .as("rategate_permits_stranded_total"),
    Row("leases", "permits_held", Gauge, Unit::Count, permits<&Books::Totals::held>,
        "Reserved permits that lie in the pools now.")
        .as("rategate_permits_held"),
    Row("leases", "shm_enabled", Gauge, Unit::Flag, shm<&SharedMemoryFacts::enabled>,
        "1 where checks may be decided in shared memory, else 0.")
        .as("rategate_shm_enabled"),
    Row("leases", "shm_attached", Counter, Unit::Count, sessions<&SessionStats::attached>,
        "Times that ATTACH handed out the shared memory.")
        .as("rategate_shm_attaches_total"),
    Row("leases", "shm_attach_refused", Counter, Unit::Count,
        sessions<&SessionStats::attach_refused>,
        "Times that ATTACH was refused because too many of its answers were not read.")
        .as("rategate_shm_attaches_refused_total"),
    Row("leases", "shm_slots", Gauge, Unit::Count, shm<&SharedMemoryFacts::slots>,
        "Pools that shared memory has room for.")
        .as("rategate_shm_slots"),
    Row("leases", "shm_slots_used", Gauge, Unit::Count, shm<&SharedMemoryFacts::slots_used>,
        "Pools that lie in shared memory now.")
        .as("rategate_shm_slots_used"),
    Row("leases", "shm_table_full", Counter, Unit::Count, gate<&GateStats::table_full>,
        "Checks whose pool found no slot in shared memory.")
        .as("rategate_shm_table_full_total"),
    Row("leases", "shm_nudges", Counter, Unit::Count, gate<&GateStats::nudges>,
        "Times that a client said that a pool is low.")
        .as("rategate_shm_nudges_total"),
    Row("leases", "shm_forged", Counter, Unit::Count, gate<&GateStats::forged>,
        "Words of shared memory that held what the daemon never put there.")
        .as("rategate_shm_forged_total"),

    Row("stats", "total_commands_processed", Counter, Unit::Count,
        sessions<&SessionStats::requests>, "Requests of all verbs.")
        .as("rategate_requests_total"),
    Row("stats", "checks", Counter, Unit::Count, gate<&GateStats::checks>,
        "Checks that came to the daemon, those that wait included.")
        .as("rategate_checks_total"),
    Row("stats", "checks_allowed", Counter, Unit::Count, gate<&GateStats::allowed>,
        "Checks that were allowed, and are counted in the store.")
        .as("rategate_decisions_total", R"(path="socket",result="allowed",reason="counted")"),
    Row("stats", "checks_denied", Counter, Unit::Count, gate<&GateStats::denied>,
        "Checks that were denied: over the limit.")
        .as("rategate_decisions_total", R"(path="socket",result="denied",reason="over_limit")"),
    Row("stats", "checks_denied_locally", Counter, Unit::Count, gate<&GateStats::denied_locally>,
        "Checks that were over the limit, and denied without asking the store.")
        .as("rategate_checks_denied_locally_total"),
    Row("stats", "checks_never_fit", Counter, Unit::Count, gate<&GateStats::never_fits>,
        "Checks that were denied with reason 3: their cost never fits.")
        .as("rategate_decisions_total", R"(path="socket",result="denied",reason="never_fits")"),
    Row("stats", "checks_blocked", Counter, Unit::Count, gate<&GateStats::blocked>,
        "Checks that were denied with reason 5: a rule blocks their key, or a denial before has.")
        .as("rategate_decisions_total", R"(path="socket",result="denied",reason="blocked")"),
    Row("stats", "blocks_set", Counter, Unit::Count, gate<&GateStats::blocks_set>,
        "Keys that were blocked because a check of this host was denied (block_for).")
        .as("rategate_blocks_set_total"),
    Row("stats", "checks_unlimited", Counter, Unit::Count, gate<&GateStats::unlimited>,
        "Checks that were allowed with reason 6: a rule lets their key pass uncounted.")
        .as("rategate_decisions_total", R"(path="socket",result="allowed",reason="unlimited")"),
    Row("stats", "checks_shadow_denied", Counter, Unit::Count, gate<&GateStats::shadow_denied>,
        "Checks of shadow limits that were allowed where the limit would deny; they are in no "
        "other row of decisions.")
        .as("rategate_decisions_total", R"(path="socket",result="allowed",reason="shadow")"),
    Row("stats", "checks_near", Counter, Unit::Count, gate<&GateStats::near>,
        "Of the checks that were allowed, those that came near their limit.")
        .as("rategate_checks_near_total"),
    Row("stats", "checks_clock_not_trusted", Counter, Unit::Count,
        gate<&GateStats::clock_not_trusted>,
        "Checks that were denied with reason 4: the store's time was not known well enough.")
        .as("rategate_decisions_total", R"(path="socket",result="denied",reason="clock")"),
    Row("stats", "checks_window_lost", Counter, Unit::Count, gate<&GateStats::lost_denied>,
        "Checks that were denied with reason 2, in a window whose count was lost.")
        .as("rategate_decisions_total", R"(path="socket",result="denied",reason="window_lost")"),
    Row("stats", "counters_recounted", Counter, Unit::Count, gate<&GateStats::recounted>,
        "Counters of lost windows of which the store was told what this host knows.")
        .as("rategate_counters_recounted_total"),
    Row("stats", "store_down_denied", Counter, Unit::Count, gate<&GateStats::store_down_denied>,
        "Checks that on_store_down denied.")
        .as("rategate_decisions_total", R"(path="socket",result="denied",reason="store_down")"),
    Row("stats", "store_down_allowed", Counter, Unit::Count, gate<&GateStats::store_down_allowed>,
        "Checks that on_store_down allowed: they are in no counter.")
        .as("rategate_decisions_total", R"(path="socket",result="allowed",reason="store_down")"),
    Row("stats", "store_down_errors", Counter, Unit::Count, gate<&GateStats::store_down_errors>,
        "Checks that on_store_down answered with an error.")
        .as("rategate_decisions_total", R"(path="socket",result="error",reason="store_down")"),
    Row("stats", "reservations", Counter, Unit::Count, gate<&GateStats::reservations>,
        "Reservations of single counters that the store was asked for.")
        .as("rategate_reservations_total"),
    Row("stats", "answers_late", Counter, Unit::Count, gate<&GateStats::late_answers>,
        "Answers of the store for a window that was over: they grant nothing.")
        .as("rategate_reservations_late_total"),
    Row("stats", "checks_abandoned", Counter, Unit::Count, gate<&GateStats::checks_abandoned>,
        "Checks whose client was gone before they had an answer.")
        .as("rategate_checks_abandoned_total"),
    Row("stats", "checks_not_asked", Counter, Unit::Count, gate<&GateStats::checks_not_asked>,
        "Checks whose time was over before the store could be asked for them.")
        .as("rategate_checks_not_asked_total"),
    Row("stats", "peeks", Counter, Unit::Count, gate<&GateStats::peeks>,
        "Questions that take nothing (PEEK, EXPLAIN): they are no checks.")
        .as("rategate_peeks_total"),
    Row("stats", "entries", Gauge, Unit::Count, whole<&Overview::entries>,
        "Callers that have entered a limit of concurrency on this host, and not left it.")
        .as("rategate_entries"),
    Row("stats", "entries_waiting", Gauge, Unit::Count, whole<&Overview::entries_waiting>,
        "Callers that wait in ENTER now.")
        .as("rategate_entries_waiting"),
    Row("stats", "entries_allowed", Counter, Unit::Count, holds<&HoldStats::entered>,
        "Calls of ENTER that have entered.")
        .as("rategate_entries_total", R"(result="allowed")"),
    Row("stats", "entries_denied", Counter, Unit::Count, holds<&HoldStats::entry_denied>,
        "Calls of ENTER that were denied.")
        .as("rategate_entries_total", R"(result="denied")"),
    Row("stats", "entries_lost", Counter, Unit::Count, holds<&HoldStats::entries_lost>,
        "Entries that were given back as their connection was closed, or their time was over.")
        .as("rategate_entries_lost_total"),
    Row("stats", "holds_lapsed", Counter, Unit::Count, holds<&HoldStats::holds_lapsed>,
        "Holds that ended with something entered under them: the store was away for too long.")
        .as("rategate_holds_lapsed_total"),
    Row("stats", "counters", Gauge, Unit::Count, whole<&Overview::counters>,
        "Pairs of limit and key that are remembered now.")
        .as("rategate_counters"),
    Row("stats", "protocol_errors", Counter, Unit::Count, sessions<&SessionStats::protocol_errors>,
        "Connections that were closed for a protocol error.")
        .as("rategate_protocol_errors_total"),
    Row("stats", "loop_longest_us", Gauge, Unit::Microseconds,
        process<&ProcessFacts::loop_longest_us>,
        "The longest time of the last ten to twenty seconds for which the daemon's loop worked "
        "without looking for what else has come.")
        .as("rategate_loop_longest_seconds"),
    Row("stats", "log_lines_dropped", Counter, Unit::Count,
        process<&ProcessFacts::log_lines_dropped>,
        "Lines of the log that were left out, because nobody took them.")
        .as("rategate_log_lines_dropped_total"),
};

struct Family {
  std::string_view name;
  std::string_view help;
};

// Those that have several rows.
constexpr Family kFamilies[] = {
    {"rategate_store_info", "Which store it is, and its own version."},
    {"rategate_limits", "Limits that there are."},
    {"rategate_permits_spent_total",
     "Reserved permits that checks have taken. path shm: in the caller's own process."},
    {"rategate_decisions_total", "Checks that the daemon has decided."},
    {"rategate_entries_total", "Calls of ENTER that were decided."},
    {"rategate_limit_info", "How the limit is configured."},
    {"rategate_limit_decisions_total", "Checks of the limit that the daemon has decided."},
};

}  // namespace

std::span<const std::string_view> info_sections() { return kSections; }
std::span<const Metric> metrics() { return kMetrics; }

std::string_view family_help(const MetricRow& row) {
  for (const Family& family : kFamilies) {
    if (family.name == row.family) return family.help;
  }
  return row.help;
}

}  // namespace rategate
