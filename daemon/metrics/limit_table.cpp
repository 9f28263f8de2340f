// The rows that each limit has.
#include "daemon/base/duration.hpp"
#include "daemon/metrics/table.hpp"

namespace rategate {
namespace {

// Fills a row; what a kind does not use stays empty.
struct Row : LimitMetric {
  constexpr Row(std::string_view called, MetricKind k, Unit u, Value (*reader)(const LimitFacts&),
                std::string_view text)
      : LimitMetric{{called, k, u, text, {}, {}, {}}, true, 0, reader} {}
  // In Prometheus.
  constexpr Row as(std::string_view of_family, std::string_view with_labels = {}) const {
    Row row = *this;
    row.family = of_family;
    row.labels = with_labels;
    return row;
  }
  // In INFO's line, at this place.
  constexpr Row in_line(int place) const {
    Row row = *this;
    row.in_info = place;
    return row;
  }
  // The same, and not in LIMITS.
  constexpr Row in_line_alone(int place) const {
    Row row = in_line(place);
    row.in_limits = false;
    return row;
  }
};

template <auto Member>
Value in_use(const LimitFacts& of) {
  return value_of(of.*Member);
}
template <auto Member>
Value limit(const LimitFacts& of) {
  return value_of((*of.limit).*Member);
}
Value period(const LimitFacts& of) { return period_text(*of.limit); }
// Of concurrency there is none: so many at a time.
Value rate(const LimitFacts& of) {
  if (is_concurrency(*of.limit)) return std::to_string(of.limit->permits);
  return rate_text(*of.limit, of.limit->permits);
}
Value algorithm(const LimitFacts& of) { return value_of(of.limit->algorithm->name); }
// Of concurrency none is configured.
Value mode(const LimitFacts& of) {
  if (is_concurrency(*of.limit)) return std::string("hold");
  return value_of(of.limit->mode);
}
Value burst(const LimitFacts& of) { return value_of(burst_of(*of.limit)); }
Value key_rules(const LimitFacts& of) {
  return value_of(of.limit->key_rules == nullptr ? std::size_t{0}
                                                 : of.limit->key_rules->all().size());
}
Value redis_key(const LimitFacts& of) { return of.limit->redis_key.text(); }

using enum MetricKind;

constexpr LimitMetric kLimitMetrics[] = {
    Row("name", Property, Unit::Text, limit<&Limit::name>, "The limit's name."),
    Row("limit", Gauge, Unit::Count, limit<&Limit::permits>,
        "Permits for each period; of concurrency slots, at a time.")
        .as("rategate_limit_permits"),
    Row("period", Property, Unit::Text, period,
        "The period, in its canonical form: 1s, 90s, 5m; of the calendar month, "
        "day@Europe/Berlin; of concurrency, which has none, its hold_ttl."),
    Row("period_ms", Gauge, Unit::Milliseconds, limit<&Limit::period_ms>,
        "The same; of the calendar the longest window.")
        .as("rategate_limit_period_seconds"),
    Row("algorithm", Property, Unit::Text, algorithm,
        "How permits are counted: fixed-window, sliding-window, or gcra, the token bucket; or "
        "concurrency, where it is slots.")
        .as("rategate_limit_info", "algorithm"),
    Row("burst", Gauge, Unit::Count, burst,
        "Permits that a full bucket holds; of a window those of a period; of concurrency the "
        "limit.")
        .as("rategate_limit_burst_permits"),
    Row("mode", Property, Unit::Text, mode,
        "How permits are reserved, as configured: auto, lease or exact; or hold, of concurrency.")
        .as("rategate_limit_info", "mode")
        .in_line(2),
    Row("leased", Property, Unit::Flag, in_use<&LimitFacts::leased>,
        "1 where permits are reserved ahead of the checks, 0 where exactly as asked.")
        .as("rategate_limit_info", "leased")
        .in_line(6),
    Row("on_store_down", Property, Unit::Text, limit<&Limit::on_store_down>,
        "What a check gets while the store is away: deny, allow, error or share.")
        .as("rategate_limit_info", "on_store_down")
        .in_line(3),
    Row("shadow", Property, Unit::Flag, limit<&Limit::shadow>,
        "1 where the limit allows what it would deny.")
        .as("rategate_limit_info", "shadow"),
    Row("block_for_ms", Gauge, Unit::Milliseconds, limit<&Limit::block_for_ms>,
        "How long a key is blocked that was denied; 0: it is not.")
        .as("rategate_limit_block_seconds"),
    Row("key_rules", Gauge, Unit::Count, key_rules, "Rules that the limit has for keys.")
        .as("rategate_limit_key_rules"),
    Row("redis_key", Property, Unit::Text, redis_key, "The template of the counter's name."),
    Row("declared", Property, Unit::Flag, limit<&Limit::declared>,
        "1 where a call declared the limit, 0 where it is configured.")
        .as("rategate_limit_info", "declared"),
    Row("allowed", Counter, Unit::Count, in_use<&LimitFacts::allowed>,
        "Checks that the daemon has allowed; of concurrency those who entered.")
        .as("rategate_limit_decisions_total", R"(result="allowed")")
        .in_line(4),
    Row("denied", Counter, Unit::Count, in_use<&LimitFacts::denied>,
        "Checks that the daemon has denied; of concurrency those who did not enter.")
        .as("rategate_limit_decisions_total", R"(result="denied")")
        .in_line(5),
    Row("shadow_denied", Counter, Unit::Count, in_use<&LimitFacts::shadow_denied>,
        "Checks that were allowed because the limit is a shadow, and are in neither of those.")
        .as("rategate_limit_decisions_total", R"(result="shadow_denied")"),
    Row("near", Counter, Unit::Count, in_use<&LimitFacts::near>,
        "Of the allowed ones, those that came near the limit.")
        .as("rategate_limit_near_total"),
    Row("shared", Counter, Unit::Count, in_use<&LimitFacts::shared>,
        "Permits spent in shared memory; such decisions are not in allowed and denied.")
        .as("rategate_limit_permits_spent_shared_total")
        .in_line(7),
    Row("rate", Property, Unit::Text, rate, "Permits and period in one word: 100/1s.")
        .in_line_alone(1),
};

}  // namespace

std::span<const LimitMetric> limit_metrics() { return kLimitMetrics; }

}  // namespace rategate
