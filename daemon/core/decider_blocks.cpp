// What is known of blocks, and what that denies: docs/blocking.md.
#include <algorithm>
#include <string>

#include "daemon/core/decider.hpp"
#include "daemon/core/lease.hpp"

namespace rategate {
namespace {

std::string block_name(const Counter& counter) {
  return counter.use->names.block_of(counter.key.view());
}

}  // namespace

const KnownBlock* Decider::find_block(const Counter& counter, Mono now) const {
  const KnownBlock* const known = blocks_.find(block_name(counter), now);
  if (known == nullptr) return nullptr;
  // The host's clock may have stood still while that of the store went on.
  const auto reading = shard_of(counter).clock.read(now);
  return reading && reading->earliest >= known->until ? nullptr : known;
}

const KnownBlock* Decider::block_of(const Counter& counter, Mono now) const {
  const KnownBlock* const known = may_be_blocked(counter, now);
  if (known == nullptr || known->ends <= now) return nullptr;
  const auto reading = shard_of(counter).clock.read(now);
  return reading && reading->latest >= known->until ? nullptr : known;
}

std::int64_t Decider::blocked_for_ms(const Counter& counter, const KnownBlock& known,
                                     Mono now) const {
  const StoreClock& clock = shard_of(counter).clock;
  const auto reading = clock.read(now);
  const std::int64_t us = reading ? known.until.us - reading->earliest.us : known.ends.us - now.us;
  return std::max<std::int64_t>(1, (clock.with_drift(us) + 999) / 1000);
}

void Decider::learn_block(const Counter& counter, std::int64_t until_ms, Mono now) {
  if (!counter.use->blocks || (until_ms == 0 && blocks_.empty())) return;
  const std::string name = block_name(counter);
  const StoreClock& clock = shard_of(counter).clock;
  const auto reading = clock.read(now);
  const KnownBlock* const before = blocks_.find(name, now);
  KnownBlock known;
  known.until = StoreTime{until_ms * 1000};
  if (!reading || reading->earliest >= known.until) return blocks_.forget(name);
  const std::int64_t rest_us = std::max<std::int64_t>(0, known.until.us - reading->latest.us);
  known.ends = after(now, rest_us - rest_us / 1'000'000 * clock.options().max_drift_ppm);
  known.over = after(now, clock.with_drift(known.until.us - reading->earliest.us));
  const bool again = before != nullptr && before->until == known.until;
  const int doubts = again ? before->doubts : 0;
  known.believe_until = after(now, exhausted_for_us(doubts, random_.of_1024()));
  known.doubts = static_cast<std::uint8_t>(std::min(doubts + 1, 8));
  blocks_.learn(name, known, now);
}

void Decider::forget_block(const Counter& counter) {
  if (counter.use->blocks) blocks_.forget(block_name(counter));
}

std::optional<CheckResult> Decider::deny_blocked(const Counter& counter, Mono now) const {
  const KnownBlock* const known = block_of(counter, now);
  if (known == nullptr) return std::nullopt;
  // Where the store cannot be asked whether it was lifted, it stands.
  if (now >= known->believe_until && !shard_of(counter).health.is_away()) return std::nullopt;
  return blocked(counter, blocked_for_ms(counter, *known, now), now);
}

CheckResult Decider::blocked(const Counter& counter, std::int64_t for_ms, Mono now) const {
  CheckResult result;
  const std::int64_t reset_ms = std::max(for_ms, reset_after_ms(counter, now));
  result.decision = decide(*counter.use, Reason::Blocked, false,
                           {0, for_ms, reset_ms, 1000 * for_ms, 1000 * reset_ms});
  result.decision.by = DecidedBy::Host;
  return result;
}

CheckResult Decider::blocked_by_store(const Counter& counter, const ReserveAnswer& answer,
                                      Mono now) const {
  const std::int64_t us = answer.blocked_until_ms * 1000 - answer.time.us;
  const StoreClock& clock = shard_of(counter).clock;
  CheckResult result =
      blocked(counter, std::max<std::int64_t>(1, (clock.with_drift(us) + 999) / 1000), now);
  result.decision.by = DecidedBy::Store;
  return result;
}

void Decider::come_after_block(const Counter& counter, CheckResult& denied, Mono now) const {
  const KnownBlock* const known = block_of(counter, now);
  if (known == nullptr) return;
  Decision& decision = denied.decision;
  const std::int64_t ms = blocked_for_ms(counter, *known, now);
  decision.retry_after_ms = std::max(decision.retry_after_ms, ms);
  decision.reset_after_ms = std::max(decision.reset_after_ms, ms);
  decision.retry_after_us = std::max(decision.retry_after_us, 1000 * ms);
  decision.reset_after_us = std::max(decision.reset_after_us, 1000 * ms);
}

}  // namespace rategate
