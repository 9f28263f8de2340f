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

constexpr bool may_be_in_names(char c) {
  return is_alnum(c) || std::string_view("_-./@").find(c) != std::string_view::npos;
}

// A table, because each check over the socket is looked at.
constexpr std::array<bool, 256> kInNames = table_of(may_be_in_names);

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

Result<Rate> parse_rate(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return Error{"expected permits per period, such as 100/second, 5/10s or 1000/min"};
  }
  const auto permits = parse_permits(text.substr(0, slash));
  if (!permits) return Error{"before the slash " + permits.error()};
  const auto period = parse_period_ms(text.substr(slash + 1));
  if (!period) return Error{"after the slash " + period.error()};
  return Rate{*permits, *period};
}

std::string format_rate(const Rate& rate) {
  return std::to_string(rate.permits) + "/" + format_duration(rate.period_ms);
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

std::optional<Error> bucket_fault(const Limit& limit) {
  if (limit.algorithm->has_windows) return std::nullopt;
  const FillRate rate = fill_rate(limit.permits, limit.period_ms);
  if (fill_us(rate, burst_of(limit)) <= kMostFillUs) return std::nullopt;
  return Error{"a bucket of " + std::to_string(burst_of(limit)) + " permits at " +
               format_rate({limit.permits, limit.period_ms}) + " takes more than " +
               std::to_string(kMostFillUs / 86'400'000'000) +
               "d to fill; expected a smaller burst, or a higher rate"};
}

bool is_leased(const Limit& limit) {
  if (limit.cell) return false;  // other calls may name other numbers for its key at any time
  switch (limit.mode) {
    case Mode::Exact:
      return false;
    case Mode::Lease:
      return true;
    case Mode::Auto:
      break;
  }
  if (limit.algorithm->has_windows) return limit.permits >= kWorthLeasing;
  const std::int64_t burst = burst_of(limit);
  return burst >= kWorthLeasing &&
         fill_us(fill_rate(limit.permits, limit.period_ms), burst) >= kWorthLeasingUs;
}

bool same_limit(const Limit& a, const Limit& b) {
  return a.name == b.name && a.permits == b.permits && a.period_ms == b.period_ms &&
         a.mode == b.mode && a.on_store_down == b.on_store_down && a.share == b.share &&
         lost_policy(a) == lost_policy(b) && a.spread == b.spread &&
         a.redis_key.text() == b.redis_key.text() && a.algorithm == b.algorithm &&
         burst_of(a) == burst_of(b) && a.declared == b.declared && a.cell == b.cell;
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
