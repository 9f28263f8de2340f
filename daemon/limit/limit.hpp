// A limit: so many permits per period, counted under a name in the store. Its text forms, its
// ranges, and the names of its counters.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.hpp"
#include "daemon/base/words.hpp"
#include "daemon/limit/calendar.hpp"
#include "daemon/limit/concurrency.hpp"
#include "daemon/limit/counter_names.hpp"
#include "daemon/limit/fixed_window.hpp"
#include "daemon/limit/ip_key.hpp"
#include "daemon/limit/key_rules.hpp"
#include "daemon/limit/key_template.hpp"
#include "daemon/limit/sliding_log.hpp"
#include "daemon/limit/token_bucket.hpp"
#include "shm/bounds.h"

namespace rategate {

inline constexpr std::int64_t kMaxPermits = RG_MAX_PERMITS;  // of a limit, and of a cost
inline constexpr std::int64_t kMinPeriodMs = RG_MIN_PERIOD_MS;
inline constexpr std::int64_t kMaxPeriodMs = RG_MAX_PERIOD_MS;
inline constexpr std::size_t kMaxKeyBytes = RG_MAX_KEY_BYTES;
inline constexpr std::size_t kMaxNameBytes = RG_MAX_NAME_BYTES;
inline constexpr std::int64_t kSettleWithinMs = 600'000;  // unless it is said
inline constexpr std::int64_t kMostSettleWithinMs = 86'400'000;
inline constexpr std::int64_t kMinBlockMs = 1'000;
inline constexpr std::int64_t kMaxBlockMs = 31 * 86'400'000LL;
inline constexpr std::string_view kDefaultRedisKey = "rategate:{%n:%k}:%p:%w";
inline constexpr std::string_view kBucketRedisKey = "rategate:{%n:%k}:gcra";
inline constexpr std::string_view kLogRedisKey = "rategate:{%n:%k}:%p:log";
inline constexpr std::string_view kHoldRedisKey = "rategate:{%n:%k}:holds";
// The limit of this name stands for all names that no limit has.
inline constexpr std::string_view kDefaultName = "*";
inline constexpr std::int64_t kWholePpm = 1'000'000;
inline constexpr std::int64_t kNearPpm = 800'000;  // unless it is said
inline constexpr std::string_view kCellName = "cl.throttle";
inline constexpr std::string_view kCellRedisKey = "rategate:{cell:%k}";
inline constexpr std::string_view kRecipeName = "rate-limit";
inline constexpr std::string_view kRecipeRedisKey = "rate-limit:%w";

// What a check gets while the store is away.
enum class OnStoreDown : std::uint8_t {
  Deny,   // a denial with reason 2
  Allow,  // an allowed decision with reason 2, counted apart
  Error,  // -STOREDOWN
  Share,  // counted by this host alone, up to its part of the limit
};
// What becomes of a window whose counts the store has lost.
enum class OnStoreLost : std::uint8_t {
  Deny,   // denied to its end, because nobody knows any more how much of it was given out
  Count,  // counted on from what all hosts together know of it, after a time to tell it
};
// A host's part of the limit while the store is away: `of` in `parts`, or one part for each host
// that there is (parts 0).
struct Share {
  std::int64_t of = 1;
  std::int64_t parts = 0;
  bool operator==(const Share&) const = default;
};
Result<Share> parse_share(std::string_view text);  // "auto", or "1/8": up to 1/1
std::string format_share(const Share&);

// Where permits go that their taker did not use after all: docs/settling.md.
enum class Settle : std::uint8_t {
  Host,   // back to this host, as long as what they were reserved for lasts
  Store,  // back into the store's counter, for all hosts
  Off,    // nowhere
};

// What the keys of a limit are.
enum class KeyKind : std::uint8_t {
  Text,  // any bytes, counted as they are given
  Ip,    // IP addresses, counted by the networks that they belong to
};

// By what key a check is counted in the limit above its own.
enum class ParentKey : std::uint8_t {
  Same,  // by its own
  None,  // by none
};

// How permits are reserved.
enum class Mode : std::uint8_t {
  Auto,   // leased where the limit is large enough to gain from it, else exact
  Lease,  // ahead of the checks, by demand
  Exact,  // just what is asked, when it is asked; not in shared memory
};

template <>
inline constexpr std::array kWords<OnStoreDown>{
    Word{OnStoreDown::Deny, "deny"},
    Word{OnStoreDown::Allow, "allow"},
    Word{OnStoreDown::Error, "error"},
    Word{OnStoreDown::Share, "share"},
};
template <>
inline constexpr std::array kWords<OnStoreLost>{
    Word{OnStoreLost::Deny, "deny"},
    Word{OnStoreLost::Count, "count"},
};
template <>
inline constexpr std::array kWords<Settle>{
    Word{Settle::Host, "host"},
    Word{Settle::Store, "store"},
    Word{Settle::Off, "off"},
};
template <>
inline constexpr std::array kWords<KeyKind>{
    Word{KeyKind::Text, "text"},
    Word{KeyKind::Ip, "ip"},
};
template <>
inline constexpr std::array kWords<ParentKey>{
    Word{ParentKey::Same, "same"},
    Word{ParentKey::None, "none"},
};
template <>
inline constexpr std::array kWords<Mode>{
    Word{Mode::Auto, "auto"},
    Word{Mode::Lease, "lease"},
    Word{Mode::Exact, "exact"},
};

// Those that decide checks.
inline constexpr std::array kAlgorithms{&kFixedWindow, &kTokenBucket, &kSlidingWindow};
// The names of all, as they are offered.
inline constexpr std::array<std::string_view, kAlgorithms.size() + 1> kAlgorithmNames{
    "fixed-window", "gcra", "sliding-window", "concurrency"};
Result<const Algorithm*> parse_algorithm(std::string_view text);

// "100/second", "5/10s", "1000/min": permits and period in milliseconds, ranges checked.
struct Rate {
  std::int64_t permits = 0;
  std::int64_t period_ms = 0;  // of a week, month or year 0
  // Of a period that is said by its name: "day", "1month". A day is 24 hours as well.
  std::optional<CalendarUnit> unit{};
};
Result<Rate> parse_rate(std::string_view text);
std::string format_rate(const Rate&);                         // "100/1s", "1000/month"
Result<std::int64_t> parse_period_ms(std::string_view text);  // a duration within the range
Result<Rate> parse_period(std::string_view text);             // or a name; no permits
Result<std::int64_t> parse_permits(std::string_view text);    // 1 to kMaxPermits

// A name is 1 to kMaxNameBytes of letters, digits and "_-./@": it stands in logs, in counter
// names and in INFO as it is.
bool valid_name(std::string_view name);

// One more window of a limit, in the words of Limit.
struct LimitWindow {
  std::int64_t permits = 0;
  std::int64_t period_ms = 0;
  std::shared_ptr<const Calendar> calendar;
};
bool operator==(const LimitWindow& a, const LimitWindow& b);

struct Limit {
  std::string name;
  std::int64_t permits = 0;  // per period, 1 to kMaxPermits
  // kMinPeriodMs to kMaxPeriodMs; of a calendar the longest window; of concurrency how long a hold
  // lasts.
  std::int64_t period_ms = 0;
  std::shared_ptr<const Calendar> calendar;  // null: windows are aligned to the period
  std::vector<LimitWindow> more;             // of a limit with several windows: the others
  std::string parent;  // the limit above it, which a check has to keep as well; empty: none
  ParentKey parent_key = ParentKey::Same;
  Mode mode = Mode::Auto;
  OnStoreDown on_store_down = OnStoreDown::Deny;
  Share share;                               // with OnStoreDown::Share
  std::optional<OnStoreLost> on_store_lost;  // nothing: by the period, see lost_policy()
  KeyTemplate redis_key;
  KeyKind key = KeyKind::Text;
  IpPrefixes prefixes;      // with KeyKind::Ip
  std::int64_t spread = 1;  // counters of a key, 1 to kMostSpread: see spread.hpp
  SubCounter sub;           // of a limit that is spread, which of those it has
  const Algorithm* algorithm = &kFixedWindow;
  // Permits that a full bucket holds, 1 to kMaxPermits; nothing: as many as there are in a period.
  std::optional<std::int64_t> burst;
  Settle settle = Settle::Host;
  // How long after permits were taken of a bucket they may be given back to the store.
  std::int64_t settle_within_ms = kSettleWithinMs;
  std::shared_ptr<const KeyRules> key_rules;  // for some of its keys; null: there are none
  // Of what a rule for keys makes of a limit: the rule's pattern, and its kind. Else empty.
  std::string key_rule;
  KeyRuleKind kind = KeyRuleKind::Limited;
  bool shadow = false;  // where it would deny it allows, and says so
  // For so long a key is blocked that was denied for lack of permits, kMinBlockMs to kMaxBlockMs:
  // docs/blocking.md. 0: it is not.
  std::int64_t block_for_ms = 0;
  // A check comes near the limit when so much of it is used up, in millionths: 1 to kWholePpm.
  std::int64_t near_ppm = kNearPpm;
  bool declared = false;  // in a call, not in the configuration
  // A bucket of CL.THROTTLE: a cost may be 0, which takes nothing, and above the burst, and is told
  // what is in it then.
  bool cell = false;
};
using LimitPtr = std::shared_ptr<const Limit>;

// What is said of it, or else what suits the period: a minute may be denied for a loss, a day not.
OnStoreLost lost_policy(const Limit& limit);
std::int64_t burst_of(const Limit& limit);
// The most that a check of it may take; of one that is spread each counter has that at least.
std::int64_t most_cost(const Limit& limit);
// How long a bucket or a sliding window takes to be full again after all of it was taken, rounded
// up; 0 of windows.
std::int64_t comes_back_us(const Limit& limit);
// What its counters go by where they are logs; in which slices of time permits of its buckets or
// logs are leased, if they are.
LogNumbers log_numbers_of(const Limit& limit);
BucketSlices slices_of(const Limit& limit);
// What is wrong with the numbers of a bucket; nothing: they are those of one, or of none.
std::optional<Error> bucket_fault(const Limit& limit);
// Whether the limit's permits are leased ahead of the checks.
bool is_leased(const Limit& limit);
// Whether a denial for lack of permits blocks the key for a while.
bool blocks_keys(const Limit& limit);
// Why they are, or are not, in a word or two: "configured", "small limit".
std::string_view why_leased(const Limit& limit);

// Whether it is entered, and no check is of it.
inline bool is_concurrency(const Limit& limit) { return limit.algorithm == &kConcurrency; }

// What stands for its period: "1m", "month@Europe/Berlin". Other periods have another text.
std::string period_text(const Limit& limit);
// Permits and period in one word. Of a calendar without its zone: "1000/month".
std::string rate_text(const Limit& limit, std::int64_t permits);
// Whether the rate's period is the limit's, as it is said in a rate: without the zone.
bool has_period_of(const Limit& limit, const Rate& rate);
CounterNames counter_names(const Limit& limit);
// Where the reading lies among its windows.
Placed place(const Limit& limit, const ClockReading& reading);

bool same_limit(const Limit&, const Limit&);  // in every number and word, and in its rules for keys

// What of a limit with several windows or a parent is counted: each of its windows by itself.
std::vector<Limit> windows_of(const Limit& limit);
inline bool is_combined(const Limit& limit) { return !limit.more.empty() || !limit.parent.empty(); }

// What the rule makes of the limit that it is one of. Only the numbers are the rule's.
Limit limit_for_keys(const Limit& limit, const KeyRule& rule);
// The most of what a full window or bucket holds that may be left for a check to come near the
// limit; less than 0 of what is not counted, and of CL.THROTTLE, whose five numbers cannot say it.
std::int64_t near_left(const Limit& limit);

// What the limit counts a check by that was given this key: the one way from the key of a call to
// that of a counter. It may be written into `room`. Nothing: it is no key of this limit.
inline std::optional<std::string_view> counted_key(const Limit& limit, std::string_view given,
                                                   IpText& room) {
  if (limit.key == KeyKind::Text) return given;
  return ip_key(given, limit.prefixes, room);
}

// What `CHECK name ... LIMIT permits PERIOD period` declares. `keyed` is whether a key was given:
// the recipe's name, per second and without a key, is the recipe's own counter.
Limit declared_limit(std::string_view name, const Rate&, bool keyed);
// What `CL.THROTTLE key max_burst count period` declares, whose key is that of every such bucket:
// `burst` is max_burst + 1.
Limit cell_limit(const Rate&, std::int64_t burst);

}  // namespace rategate
