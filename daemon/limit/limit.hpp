// A limit: so many permits per period, counted under a name in the store. Its text forms, its
// ranges, and the names of its counters.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/result.hpp"
#include "daemon/base/words.hpp"
#include "daemon/limit/counter_names.hpp"
#include "daemon/limit/fixed_window.hpp"
#include "daemon/limit/key_template.hpp"
#include "daemon/limit/token_bucket.hpp"
#include "shm/bounds.h"

namespace rategate {

inline constexpr std::int64_t kMaxPermits = RG_MAX_PERMITS;  // of a limit, and of a cost
inline constexpr std::int64_t kMinPeriodMs = RG_MIN_PERIOD_MS;
inline constexpr std::int64_t kMaxPeriodMs = RG_MAX_PERIOD_MS;
inline constexpr std::size_t kMaxKeyBytes = RG_MAX_KEY_BYTES;
inline constexpr std::size_t kMaxNameBytes = RG_MAX_NAME_BYTES;
inline constexpr std::string_view kDefaultRedisKey = "rategate:{%n:%k}:%p:%w";
inline constexpr std::string_view kBucketRedisKey = "rategate:{%n:%k}:gcra";
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
inline constexpr std::array kWords<Mode>{
    Word{Mode::Auto, "auto"},
    Word{Mode::Lease, "lease"},
    Word{Mode::Exact, "exact"},
};

inline constexpr std::array kAlgorithms{&kFixedWindow, &kTokenBucket};
// Their names, as they are offered.
inline constexpr std::array<std::string_view, kAlgorithms.size()> kAlgorithmNames{"fixed-window",
                                                                                  "gcra"};
Result<const Algorithm*> parse_algorithm(std::string_view text);

// "100/second", "5/10s", "1000/min": permits and period in milliseconds, ranges checked.
struct Rate {
  std::int64_t permits = 0;
  std::int64_t period_ms = 0;
};
Result<Rate> parse_rate(std::string_view text);
std::string format_rate(const Rate&);                         // "100/1s"
Result<std::int64_t> parse_period_ms(std::string_view text);  // a duration within the range
Result<std::int64_t> parse_permits(std::string_view text);    // 1 to kMaxPermits

// A name is 1 to kMaxNameBytes of letters, digits and "_-./@": it stands in logs, in counter
// names and in INFO as it is.
bool valid_name(std::string_view name);

struct Limit {
  std::string name;
  std::int64_t permits = 0;    // per period, 1 to kMaxPermits
  std::int64_t period_ms = 0;  // kMinPeriodMs to kMaxPeriodMs
  Mode mode = Mode::Auto;
  OnStoreDown on_store_down = OnStoreDown::Deny;
  Share share;                               // with OnStoreDown::Share
  std::optional<OnStoreLost> on_store_lost;  // nothing: by the period, see lost_policy()
  KeyTemplate redis_key;
  std::int64_t spread = 1;  // counters of a key, 1 to kMostSpread: see spread.hpp
  SubCounter sub;           // of a limit that is spread, which of those it has
  const Algorithm* algorithm = &kFixedWindow;
  // Permits that a full bucket holds, 1 to kMaxPermits; nothing: as many as there are in a period.
  std::optional<std::int64_t> burst;
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
// What is wrong with the numbers of a bucket; nothing: they are those of one, or of none.
std::optional<Error> bucket_fault(const Limit& limit);
// Whether the limit's permits are leased ahead of the checks.
bool is_leased(const Limit& limit);

bool same_limit(const Limit&, const Limit&);  // in every number and word

// What `CHECK name ... LIMIT permits PERIOD period` declares. `keyed` is whether a key was given:
// the recipe's name, per second and without a key, is the recipe's own counter.
Limit declared_limit(std::string_view name, const Rate&, bool keyed);
// What `CL.THROTTLE key max_burst count period` declares, whose key is that of every such bucket:
// `burst` is max_burst + 1.
Limit cell_limit(const Rate&, std::int64_t burst);

}  // namespace rategate
