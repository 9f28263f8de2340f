#include "daemon/limit/limit.hpp"

#include <algorithm>
#include <array>

#include "daemon/base/duration.hpp"
#include "daemon/base/letters.hpp"

namespace rategate {
namespace {

// Longer windows are counted on after a loss, unless something else is said.
constexpr std::int64_t kLongestDeniedMs = 60'000;
constexpr std::int64_t kMostShareParts = 1'000'000;
// Below so many permits per period a lease gains nothing.
constexpr std::int64_t kWorthLeasing = 16;
// A bucket that fills in less would be leased for less than the shortest slices are good for.
constexpr std::int64_t kWorthLeasingUs = 160'000;

bool same_rules(const Limit& a, const Limit& b) {
  if (a.key_rules == nullptr || b.key_rules == nullptr) return a.key_rules == b.key_rules;
  return a.key_rules->all() == b.key_rules->all();
}

constexpr bool may_be_in_names(char c) {
  return is_alnum(c) || std::string_view("_-./@").find(c) != std::string_view::npos;
}

// A table, because each check over the socket is looked at.
constexpr std::array<bool, 256> kInNames = table_of(may_be_in_names);

struct Leasing {
  bool leased;
  std::string_view why;
};

Leasing leasing_of(const Limit& limit) {
  if (limit.kind != KeyRuleKind::Limited) return {false, "nothing is counted"};
  if (is_concurrency(limit)) return {false, "concurrency"};
  // Other calls may name other numbers for its key at any time.
  if (limit.cell) return {false, "declared in the call"};
  switch (limit.mode) {
    case Mode::Exact:
      return {false, "configured"};
    case Mode::Lease:
      return {true, "configured"};
    case Mode::Auto:
      break;
  }
  const bool has_windows = limit.algorithm->has_windows;
  const bool has_burst = limit.algorithm == &kTokenBucket;
  if ((has_windows ? limit.permits : burst_of(limit)) < kWorthLeasing) {
    return {false, has_burst ? "small burst" : "small limit"};
  }
  if (!has_windows && comes_back_us(limit) < kWorthLeasingUs) {
    return {false, has_burst ? "full again at once" : "short period"};
  }
  return {true, has_burst ? "large burst" : "large limit"};
}

}  // namespace

Result<std::int64_t> parse_permits(std::string_view text) {
  return parse_whole(text, 1, kMaxPermits);
}

Result<std::int64_t> parse_period_ms(std::string_view text) {
  auto period = parse_duration_ms(text);
  if (period && (*period < kMinPeriodMs || *period > kMaxPeriodMs)) {
    return Error{"expected a period from " + format_duration(kMinPeriodMs) + " to " +
                 format_duration(kMaxPeriodMs)};
  }
  return period;
}

Result<Rate> parse_period(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string_view name = text.substr(digits);
  if (digits > 0 && name.ends_with('s')) name.remove_suffix(1);
  const auto unit = parse_word<CalendarUnit>(name);
  const bool is_one = digits == 0 || text.substr(0, digits) == "1";
  if (unit && is_one && *unit != CalendarUnit::Day) return Rate{0, 0, *unit};
  if (unit && *unit != CalendarUnit::Day) {
    return Error{"expected one " + std::string(name) + ": no other number of them is a period"};
  }
  const auto period_ms = parse_period_ms(text);
  if (!period_ms) return Error{period_ms.error() + ", or a week, month or year"};
  Rate rate{0, *period_ms};
  if (unit && is_one) rate.unit = *unit;
  return rate;
}

Result<Rate> parse_rate(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return Error{"expected permits per period, such as 100/second, 5/10s or 1000/min"};
  }
  const auto permits = parse_permits(text.substr(0, slash));
  if (!permits) return Error{"before the slash " + permits.error()};
  auto rate = parse_period(text.substr(slash + 1));
  if (!rate) return Error{"after the slash " + rate.error()};
  rate->permits = *permits;
  return rate;
}

std::string format_rate(const Rate& rate) {
  return std::to_string(rate.permits) + "/" +
         (rate.unit ? std::string(to_text(*rate.unit)) : format_duration(rate.period_ms));
}

std::string period_text(const Limit& limit) {
  return limit.calendar == nullptr ? format_duration(limit.period_ms)
                                   : format_calendar_period(limit.calendar->period());
}

std::string rate_text(const Limit& limit, std::int64_t permits) {
  Rate rate{permits, limit.period_ms};
  if (limit.calendar != nullptr) rate.unit = limit.calendar->period().unit;
  return format_rate(rate);
}

bool has_period_of(const Limit& limit, const Rate& rate) {
  return limit.calendar == nullptr ? rate.period_ms == limit.period_ms
                                   : rate.unit == limit.calendar->period().unit;
}

CounterNames counter_names(const Limit& limit) {
  return CounterNames(limit.redis_key, limit.name, limit.period_ms, limit.sub, period_text(limit));
}

Placed place(const Limit& limit, const ClockReading& reading) {
  return limit.calendar == nullptr ? limit.algorithm->place(reading, limit.period_ms)
                                   : place(reading, *limit.calendar);
}

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return kInNames[static_cast<unsigned char>(c)]; });
}

Result<Share> parse_share(std::string_view text) {
  if (text == "auto") return Share{};
  const std::size_t slash = text.find('/');
  const auto of = parse_whole(text.substr(0, slash), 1, kMostShareParts);
  const auto parts = slash == text.npos ? Result<std::int64_t>(Error{})
                                        : parse_whole(text.substr(slash + 1), 1, kMostShareParts);
  if (!of || !parts || *of > *parts) {
    return Error{"expected auto, or a part such as 1/8, up to 1/1"};
  }
  return Share{*of, *parts};
}

std::string format_share(const Share& share) {
  return share.parts == 0 ? "auto" : std::to_string(share.of) + "/" + std::to_string(share.parts);
}

OnStoreLost lost_policy(const Limit& limit) {
  return limit.on_store_lost.value_or(limit.period_ms > kLongestDeniedMs ? OnStoreLost::Count
                                                                         : OnStoreLost::Deny);
}

Result<const Algorithm*> parse_algorithm(std::string_view text) {
  if (text == kConcurrency.name) return &kConcurrency;
  const auto found =
      std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                   [&](const Algorithm* algorithm) { return algorithm->name == text; });
  if (found == kAlgorithms.end()) return Error{"expected " + one_of(kAlgorithmNames)};
  return *found;
}

std::int64_t burst_of(const Limit& limit) { return limit.burst.value_or(limit.permits); }

std::int64_t most_cost(const Limit& limit) {
  if (limit.cell) return kMaxPermits;
  return limit.algorithm->has_windows ? limit.permits / limit.spread : burst_of(limit);
}

std::int64_t comes_back_us(const Limit& limit) {
  if (limit.algorithm->has_windows || is_concurrency(limit)) return 0;
  if (limit.algorithm == &kSlidingWindow) return limit.period_ms * 1000;
  return fill_us(fill_rate(limit.permits, limit.period_ms), burst_of(limit));
}

LogNumbers log_numbers_of(const Limit& limit) {
  if (limit.algorithm != &kSlidingWindow) return {};
  return log_numbers(limit.permits, limit.period_ms);
}

BucketSlices slices_of(const Limit& limit) {
  if (limit.algorithm->has_windows || !is_leased(limit)) return {};
  return limit.algorithm == &kSlidingWindow ? slices_of_log(limit.period_ms)
                                            : slices_of(comes_back_us(limit));
}

std::optional<Error> bucket_fault(const Limit& limit) {
  if (limit.algorithm != &kTokenBucket) return std::nullopt;
  const FillRate rate = fill_rate(limit.permits, limit.period_ms);
  if (fill_us(rate, burst_of(limit)) <= kMostFillUs) return std::nullopt;
  return Error{"a bucket of " + std::to_string(burst_of(limit)) + " permits at " +
               format_rate({limit.permits, limit.period_ms}) + " takes more than " +
               std::to_string(kMostFillUs / 86'400'000'000) +
               "d to fill; expected a smaller burst, or a higher rate"};
}

bool is_leased(const Limit& limit) { return leasing_of(limit).leased; }

std::string_view why_leased(const Limit& limit) { return leasing_of(limit).why; }

bool blocks_keys(const Limit& limit) {
  return limit.block_for_ms > 0 && !limit.shadow && limit.kind == KeyRuleKind::Limited;
}

Limit limit_for_keys(const Limit& limit, const KeyRule& rule) {
  Limit made = limit;
  made.key_rules = nullptr;
  made.key_rule = rule.pattern;
  made.kind = rule.kind;
  if (rule.kind != KeyRuleKind::Limited) return made;
  made.permits = rule.permits;
  if (rule.burst) made.burst = rule.burst;
  return made;
}

std::int64_t near_left(const Limit& limit) {
  if (limit.kind != KeyRuleKind::Limited || limit.cell || is_concurrency(limit)) return -1;
  return burst_of(limit) * (kWholePpm - limit.near_ppm) / kWholePpm;
}

bool same_limit(const Limit& a, const Limit& b) {
  return a.name == b.name && a.permits == b.permits && a.period_ms == b.period_ms &&
         period_text(a) == period_text(b) && a.mode == b.mode &&
         a.on_store_down == b.on_store_down && a.share == b.share &&
         lost_policy(a) == lost_policy(b) && a.spread == b.spread &&
         a.redis_key.text() == b.redis_key.text() && a.key == b.key && a.prefixes == b.prefixes &&
         a.algorithm == b.algorithm && burst_of(a) == burst_of(b) && a.settle == b.settle &&
         a.settle_within_ms == b.settle_within_ms && a.declared == b.declared && a.cell == b.cell &&
         same_rules(a, b) && a.key_rule == b.key_rule && a.kind == b.kind && a.shadow == b.shadow &&
         a.near_ppm == b.near_ppm && a.block_for_ms == b.block_for_ms && a.more == b.more &&
         a.parent == b.parent && a.parent_key == b.parent_key;
}

bool operator==(const LimitWindow& a, const LimitWindow& b) {
  const auto is_same = [](const Calendar* one, const Calendar* other) {
    return one == nullptr || other == nullptr ? one == other : one->period() == other->period();
  };
  return a.permits == b.permits && a.period_ms == b.period_ms &&
         is_same(a.calendar.get(), b.calendar.get());
}

std::vector<Limit> windows_of(const Limit& limit) {
  Limit window = limit;
  window.more.clear();
  window.parent.clear();
  std::vector<Limit> windows{window};
  for (const LimitWindow& more : limit.more) {
    window.permits = more.permits;
    window.period_ms = more.period_ms;
    window.calendar = more.calendar;
    windows.push_back(window);
  }
  return windows;
}

// Five numbers cannot say that the store is away.
Limit cell_limit(const Rate& rate, std::int64_t burst) {
  Limit limit;
  limit.name = kCellName;
  limit.permits = rate.permits;
  limit.period_ms = rate.period_ms;
  limit.algorithm = &kTokenBucket;
  limit.burst = burst;
  limit.redis_key = *KeyTemplate::parse(kCellRedisKey);
  limit.on_store_down = OnStoreDown::Error;
  limit.declared = limit.cell = true;
  return limit;
}

Limit declared_limit(std::string_view name, const Rate& rate, bool keyed) {
  const bool recipe = name == kRecipeName && rate.period_ms == 1000 && !keyed;
  Limit limit;
  limit.name = name;
  limit.permits = rate.permits;
  limit.period_ms = rate.period_ms;
  limit.redis_key = *KeyTemplate::parse(recipe ? kRecipeRedisKey : kDefaultRedisKey);
  limit.declared = true;
  return limit;
}

}  // namespace rategate
