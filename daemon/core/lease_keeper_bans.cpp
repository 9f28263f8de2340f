// What clients are shown of keys that are blocked: docs/blocking.md.
#include <algorithm>
#include <limits>

#include "daemon/core/lease_keeper.hpp"
#include "daemon/limit/key_uses.hpp"

namespace rategate {
namespace {
// For so long clients deny by themselves, and do not hear that a block was lifted.
constexpr std::int64_t kBanUs = 2'000'000;
}  // namespace

// Of a counter that is blocked for good there are no permits.
SharedPools::Whose LeaseKeeper::whose_of(const Counter& counter, CounterId id) {
  const LimitUse& use = *counter.use;
  const bool has_some = use.limit->kind == KeyRuleKind::Limited;
  return {use.rule, counter.key.view(), counter.shard, id, has_some ? use.limit->permits : 0};
}

void LeaseKeeper::ban(CounterId id, StoreTime until, Mono sure, Mono now) {
  const Counter& counter = counters_[id];
  const LimitUse& use = *counter.use;
  if (!sharing_ || use.dropped || !may_ban(use)) return;
  const auto reading = shard_of(counter).usable(*use.limit, now);
  if (!reading) return;
  // A word that ends later than that is none of the limit's, by some client's clock.
  const std::int64_t longest_us = shared_words_of(use).longest_ms * 1000 * 3 / 4;
  const std::int64_t for_us =
      std::min({kBanUs, longest_us, sure.us - now.us, until.us - reading->latest.us});
  const std::int64_t end_ms = (reading->latest.us + for_us) / 1000;
  if (end_ms * 1000 <= reading->latest.us) return;
  const std::int64_t rest_ms = std::clamp<std::int64_t>(until.us / 1000 - end_ms, 0,
                                                        std::numeric_limits<std::uint32_t>::max());
  shared_->ban(whose_of(counter, id), end_ms, static_cast<std::uint32_t>(rest_ms),
               reading->earliest.us / 1000);
}

void LeaseKeeper::lift_ban(const Counter& counter) {
  if (sharing_ && may_ban(*counter.use)) shared_->lift_ban(whose_of(counter, {}));
}

}  // namespace rategate
