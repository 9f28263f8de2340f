#include "daemon/core/decider.hpp"

#include <algorithm>

#include "daemon/base/hash_slot.hpp"
#include "daemon/core/lease.hpp"
#include "daemon/limit/receipt.hpp"

namespace rategate {
namespace {

// Who fails open would rather count from nought than not at all.
bool loses(const Limit& limit) { return limit.on_store_down != OnStoreDown::Allow; }

// Of a log also where nothing is leased: other hosts may.
BucketSlices asked_slices(const LimitUse& use) {
  return use.log.none() ? use.slices : slices_of_log(use.log.period_ms);
}

std::int64_t ms_rounded_up(std::int64_t us) { return us <= 0 ? 0 : (us + 999) / 1000; }

}  // namespace

WindowState Decider::state_of(const Counter& counter, const Window& window, Mono now) const {
  LimitUse& use = *counter.use;
  const Limit& limit = *use.limit;
  if (!limit.algorithm->has_windows) {
    const bool doubted = loses(limit) && is_doubted(counter, window, now);
    return doubted ? WindowState::Telling : WindowState::Open;
  }
  if (window.start_ms <= use.moved_ms) {
    if (use.moved_ms == LimitTable::kNoClock) use.moved_ms = window.start_ms;
    return WindowState::Lost;
  }
  if (loses(limit)) {
    const WindowState state = loss_state_of(counter, window, now);
    if (state != WindowState::Open) return state;
  }
  return counter.pool.state(window) == Pool::State::Exhausted ? WindowState::Exhausted
                                                              : WindowState::Open;
}

// Whether nobody knows yet what a shard has lost in which its slot was.
bool Decider::is_doubted(const Counter& counter, const Window& window, Mono now) const {
  const std::int64_t lead_us = longest_lead_us(counter.use->limit->period_ms);
  return losses_.slots.may_concern(window, lead_us) &&
         losses_.slots.is_doubted(slot_of(counter), window, lead_us, now);
}

WindowState Decider::loss_state_of(const Counter& counter, const Window& window, Mono now) const {
  const Limit& limit = *counter.use->limit;
  const std::int64_t lead_us = longest_lead_us(limit.period_ms);
  if (losses_.slots.may_concern(window, lead_us) && is_doubted(counter, window, now)) {
    return WindowState::Telling;
  }
  if (losses_.slots.may_concern(window, lead_us) || shard_of(counter).lost.any()) {
    const LostThrough lost = lost_of(counter, window);
    if (lost.has(window, lead_us)) {
      if (lost_policy(limit) != OnStoreLost::Count || !lost.recounts(window, lead_us)) {
        return WindowState::Lost;
      }
      const WindowState state = recount_state_of(counter, lost, window, now);
      if (state != WindowState::Open) return state;
    }
  }
  const LostCounters& counters = losses_.counters;
  const bool is_lost = counters.may_have_one_of(window) &&
                       counters.has(counter.use->names.of(counter.key.view(), window.start_ms));
  return is_lost ? WindowState::Lost : WindowState::Open;
}

// All windows of a counter are in one slot.
std::uint16_t Decider::slot_of(const Counter& counter) {
  return slot_of_key(counter.use->names.of(counter.key.view(), 0));
}

LostThrough Decider::lost_of(const Counter& counter, const Window& window) const {
  LostThrough lost = shard_of(counter).lost.all();
  if (losses_.slots.may_concern(window, longest_lead_us(counter.use->limit->period_ms))) {
    lost.add(losses_.slots.lost(slot_of(counter)));
  }
  return lost;
}

// Where too many are lost, all windows that were open are taken for lost: that denies more than
// must be, and never less.
void Decider::lose(const Counter& counter, const Window& window) {
  const std::string name = counter.use->names.of(counter.key.view(), window.start_ms);
  if (losses_.counters.lose(name, window, kMaxSkewUs / 1000)) return;
  shards_[counter.shard.value].lost.lose_all(StoreTime{window.start_ms * 1000}, 0, false);
}

bool Decider::is_retold(const Counter& counter, const Window& window) const {
  const std::int64_t lead_us = longest_lead_us(counter.use->limit->period_ms);
  return lost_of(counter, window).recounts(window, lead_us);
}

bool Decider::is_recounted(const Counter& counter, const Window& window) {
  return counter.pool.is_recounted(window) && counter.told_in == counter.shard.value;
}

WindowState Decider::recount_state_of(const Counter& counter, const LostThrough& lost,
                                      const Window& window, Mono now) const {
  const auto reading = shard_of(counter).clock.read(now);
  if (!reading || reading->earliest.us < lost.told_by_us) return WindowState::Telling;
  return is_recounted(counter, window) ? WindowState::Open : WindowState::Uncounted;
}

std::int64_t Decider::left(const Counter& counter, const Window& window) {
  return counter.pool.held(window) + counter.pool.left(window, counter.use->limit->permits);
}

std::int64_t Decider::most_left(const Counter& counter, const Window& window, Mono now) const {
  const LimitUse& use = *counter.use;
  const Limit& limit = *use.limit;
  if (limit.algorithm->has_windows) {
    return limit.period_ms > kLongPeriodMs ? limit.permits : left(counter, window);
  }
  // Who is denied by CL.THROTTLE is told what the store has, and other numbers may have been asked
  // for since.
  if (limit.cell) return use.most_cost;
  return held(counter, window, now) + left_in_bucket(counter, now);
}

std::int64_t Decider::held(const Counter& counter, const Window& window, Mono now) const {
  if (counter.use->limit->algorithm->has_windows) return counter.pool.held(window);
  if (!counter.use->leased) return 0;
  const auto reading = shard_of(counter).clock.read(now);
  return reading ? counter.pool.held_beyond(reading->latest) : 0;
}

std::int64_t Decider::left_in_bucket(const Counter& counter, Mono now) const {
  const std::int64_t burst = burst_of(*counter.use->limit);
  const KnownBucket* const known = counter.bucket.get();
  const auto reading = shard_of(counter).clock.read(now);
  if (known == nullptr || !reading || now >= after(known->told, kBucketBelievedUs)) return burst;
  if (reading->latest < known->paused_until) return 0;
  return std::max<std::int64_t>(0, permits_in(known->bucket, burst, reading->latest));
}

StoreTime Decider::emptied_at(const Counter& counter, Mono now) const {
  LimitUse& use = *counter.use;
  const Limit& limit = *use.limit;
  const auto reading = shard_of(counter).clock.read(now);
  if (!reading) return {};  // nothing is asked for by a clock that is not known
  if (use.moved_ms == LimitTable::kNoClock) use.moved_ms = reading->latest.us / 1000 + 1;
  // What is under way to the old counter counts until nobody waits for it any more.
  const bool moved = use.moved_ms > 0;
  std::int64_t us = moved ? (use.moved_ms + 1) * 1000 + command_timeout_us_ : 0;
  if (loses(limit)) us = std::max(us, lost_of(counter, kBucketWindow).all_us);
  // What is leased of a log counts for as long as it lives, too.
  const BucketSlices slices = asked_slices(use);
  const std::int64_t full_us = us + use.fill_us + 2000 * (slices.slice_ms + slices.least_ms);
  return {full_us <= reading->earliest.us ? 0 : us};
}

BucketAsked Decider::asked_of_bucket(const Counter& counter, Mono now) const {
  const LimitUse& use = *counter.use;
  BucketAsked asked;
  asked.rate = use.fill_rate;
  asked.log = use.log;
  asked.burst = burst_of(*use.limit);
  asked.slices = asked_slices(use);
  if (loses(*use.limit) && counter.bucket != nullptr) {
    say_known(counter.bucket->bucket, asked);
  }
  asked.emptied = emptied_at(counter, now);
  return asked;
}

Prospect Decider::prospect(const Counter& counter, const Window& window, std::int64_t cost,
                           Mono now) const {
  if (!counter.use->limit->algorithm->has_windows) {
    const KnownBucket* const known = counter.bucket.get();
    if (known == nullptr) return {};
    return prospect(counter, known->bucket, held(counter, window, now), cost, {}, now);
  }
  const std::int64_t reset_after_ms = this->reset_after_ms(counter, now);
  return {left(counter, window), reset_after_ms, reset_after_ms};
}

Prospect Decider::prospect(const Counter& counter, const Bucket& bucket, std::int64_t held,
                           std::int64_t cost, StoreTime told, Mono now) const {
  const StoreClock& clock = shard_of(counter).clock;
  const auto reading = clock.read(now);
  const std::int64_t burst = burst_of(*counter.use->limit);
  StoreTime fits = fits_at(bucket, burst, cost);
  if (counter.bucket != nullptr) fits = std::max(fits, counter.bucket->paused_until);
  const StoreTime full = full_at(bucket);
  // Nobody is to come too early. What the store has said before is of the past, unless its clock
  // was set back since.
  StoreTime at = std::max(told, reading ? reading->earliest : StoreTime{});
  if (counter.bucket != nullptr && reading) {
    at = std::max(at, std::min(counter.bucket->told_at, reading->latest));
  }
  const auto until_ms = [&](StoreTime moment) {
    return moment <= at ? 0 : ms_rounded_up(clock.with_drift(moment.us - at.us));
  };
  const StoreTime seen = told.us > 0 ? told : at;
  Prospect prospect{permits_in(bucket, burst, seen) + held, until_ms(fits), until_ms(full)};
  prospect.retry_after_us = cost > burst ? -1 : std::max<std::int64_t>(0, fits.us - seen.us);
  prospect.reset_after_us = std::max<std::int64_t>(0, full.us - seen.us);
  return prospect;
}

std::int64_t Decider::reset_after_ms(LimitUse& use, const Shard& shard, Mono now) {
  if (!use.limit->algorithm->has_windows) {
    return ms_rounded_up(use.fill_us);
  }
  const auto reading = shard.clock.read(now);
  if (!reading) return use.limit->period_ms;
  const Placed at = use.place(*reading);
  const std::int64_t until = at.open ? at.window.end_ms : at.window.start_ms;
  const std::int64_t us = until * 1000 - reading->earliest.us;
  return ms_rounded_up(shard.clock.with_drift(us));
}

Decision Decider::decide(const LimitUse& use, Reason reason, bool allowed,
                         const Prospect& prospect) {
  Decision decision;
  decision.allowed = allowed;
  decision.reason = reason;
  decision.limit = use.limit->cell ? burst_of(*use.limit) : use.shown->permits;
  // Who is denied was denied by the counters behind this one as well.
  const bool known = prospect.remaining != Decision::kUnknown;
  decision.remaining = prospect.remaining + (known && allowed ? use.permits_after : 0);
  decision.reset_after_ms = prospect.reset_after_ms;
  decision.retry_after_us = prospect.retry_after_us;
  decision.reset_after_us = prospect.reset_after_us;
  if (!allowed) {
    // What may fit by now is asked for again, and 0 would say that it was allowed.
    const std::int64_t retry_ms = std::max<std::int64_t>(1, prospect.retry_after_ms);
    decision.retry_after_ms = reason == Reason::NeverFits ? -1 : retry_ms;
  }
  return decision;
}

// What may help is that the store can be asked again, long before the window is over: when it is
// tried next, or, where it is slow, after the time that a check waits for it. Half of that time
// more for some, so that those who were denied together do not come back as one.
Decision Decider::decide_without_store(LimitUse& use, const Shard& shard, Reason reason,
                                       bool allowed, Mono now) {
  Decision decision =
      decide(use, reason, allowed, {Decision::kUnknown, 0, reset_after_ms(use, shard, now)});
  if (allowed) return decision;
  std::int64_t us = command_timeout_us_;
  if (shard.health.is_away()) {
    us = shard.tries_again.us - now.us;
  } else if (now < use.refused_until) {
    us = use.refused_until.us - now.us;
  }
  us = std::max<std::int64_t>(0, us) + command_timeout_us_ / 2 * random_.of_1024() / 1024;
  decision.retry_after_ms = std::max<std::int64_t>(1, ms_rounded_up(us));
  decision.retry_after_us = 1000 * decision.retry_after_ms;
  decision.reset_after_us = 1000 * decision.reset_after_ms;
  return decision;
}

std::int64_t Decider::receipt_of(const Counter& counter, std::int64_t until_ms) {
  const LimitUse& use = *counter.use;
  return Receipt{until_ms, use.sub}.number(use.is_sub());
}

std::int64_t Decider::receipt_of(const Counter& counter, StoreTime taken) {
  const LogNumbers& log = counter.use->log;
  // Rounded down, so that it is the end of no slice which is still to end.
  return receipt_of(counter, log.none() ? taken.us / 1000 : stamp_of(log, taken));
}

CheckResult Decider::counted(const Counter& counter, bool allowed, const Prospect& prospect) {
  CheckResult result;
  result.decision =
      decide(*counter.use, allowed ? Reason::Counted : Reason::OverLimit, allowed, prospect);
  result.decision.remaining = std::max<std::int64_t>(0, result.decision.remaining);
  return result;
}

CheckResult Decider::allow_from_pool(const Counter& counter, const Window& window, Mono now) const {
  CheckResult result = counted(counter, true, prospect(counter, window, 1, now));
  result.decision.by = DecidedBy::Host;
  return result;
}

CheckResult Decider::deny_locally(const Counter& counter, WindowState state, const Window& window,
                                  std::int64_t cost, Mono now) {
  CheckResult result;
  if (state == WindowState::Lost || state == WindowState::Telling) {
    const std::int64_t reset_after_ms = this->reset_after_ms(counter, now);
    std::int64_t retry_after_ms = reset_after_ms;
    if (state == WindowState::Telling) {
      retry_after_ms = std::min(retry_after_ms, told_in_ms(counter, window, now));
    }
    result.decision = decide(*counter.use, Reason::StoreAway, false,
                             {Decision::kUnknown, retry_after_ms, reset_after_ms,
                              1000 * retry_after_ms, 1000 * reset_after_ms});
  } else {
    result = counted(counter, false, prospect(counter, window, cost, now));
  }
  result.decision.by = DecidedBy::Host;
  return result;
}

CheckResult Decider::deny_now(const Counter& counter, std::int64_t cost, Mono now) {
  const Placed at = shard_of(counter).place(*counter.use, now);
  if (at.open) {
    return deny_locally(counter, state_of(counter, at.window, now), at.window, cost, now);
  }
  const std::int64_t reset_after_ms = this->reset_after_ms(counter, now);
  return counted(counter, false, {0, reset_after_ms, reset_after_ms});
}

// Up to an eighth more for some, so that those who were denied together do not come back as one.
std::int64_t Decider::told_in_ms(const Counter& counter, const Window& window, Mono now) {
  const Shard& shard = shard_of(counter);
  const auto reading = shard.clock.read(now);
  const std::int64_t told_by_us = lost_of(counter, window).told_by_us;
  const bool later = reading && told_by_us > reading->earliest.us;
  const std::int64_t us = later ? told_by_us - reading->earliest.us : 0;
  const std::int64_t jitter_us = LostWindows::kTellingUs / 8 * random_.of_1024() / 1024;
  return std::max<std::int64_t>(1, ms_rounded_up(shard.clock.with_drift(us) + jitter_us));
}

CheckResult Decider::never_fits(LimitUse& use, const Shard& shard, Mono now) {
  CheckResult result;
  result.decision = decide(use, Reason::NeverFits, false,
                           {Decision::kUnknown, 0, reset_after_ms(use, shard, now)});
  result.decision.by = DecidedBy::Host;
  return result;
}

CheckResult Decider::by_rule(const LimitUse& use) {
  CheckResult result;
  Decision& decision = result.decision;
  decision.by = DecidedBy::Host;
  decision.allowed = use.limit->kind == KeyRuleKind::Unlimited;
  decision.reason = decision.allowed ? Reason::Unlimited : Reason::Blocked;
  decision.limit = decision.allowed ? Decision::kNoLimit : 0;
  decision.remaining = decision.allowed ? Decision::kUnknown : 0;
  if (!decision.allowed) decision.retry_after_ms = decision.retry_after_us = -1;
  return result;
}

CheckResult Decider::deny_untrusted(const Counter& counter, Mono now) {
  CheckResult result;
  result.decision =
      decide_without_store(*counter.use, shard_of(counter), Reason::ClockNotTrusted, false, now);
  result.decision.by = DecidedBy::Host;
  return result;
}

// Rounded down, so that the parts of all hosts sum up to no more than the limit.
std::int64_t Decider::part_of(std::int64_t permits, const Share& share) const {
  if (share.parts > 0) return permits * share.of / share.parts;
  // A number that nobody has said, and that was never seen, is none to go by.
  if (hosts_ == 0 && hosts_min_ <= 1) return 0;
  return permits / std::max(hosts_, hosts_min_);
}

// By the store's clock as far as it is known: an outage may last longer than it is trusted for.
bool Decider::take_share(const Counter& counter, const Ask& ask, Mono now, std::int64_t& left) {
  const auto reading = shard_of(counter).clock.read(now);
  if (!reading) return false;
  const StoreTime middle{(reading->earliest.us + reading->latest.us) / 2};
  const Limit& limit = *counter.use->limit;
  if (!limit.algorithm->has_windows) return take_share_of_bucket(counter, ask, middle, left);
  const Window window = place(limit, {middle, middle}).window;
  const std::string name = counter.use->names.of(counter.key.view(), window.start_ms);
  const std::int64_t part = part_of(limit.permits, limit.share) - counter.pool.taken(window);
  const bool taken = ask.takes && shares_.take(name, window, part, ask.cost);
  left = shares_.left(name, part);
  return ask.takes ? taken : ask.cost <= left;
}

bool Decider::take_share_of_bucket(const Counter& counter, const Ask& ask, StoreTime now,
                                   std::int64_t& left) {
  const Limit& limit = *counter.use->limit;
  const std::int64_t permits = part_of(limit.permits, limit.share);
  const std::int64_t burst = part_of(burst_of(limit), limit.share);
  left = 0;
  // Beside a store that counts, and is slow or refuses, it would be a second bucket.
  if (permits == 0 || burst == 0 || !shard_of(counter).health.is_away()) return false;
  BucketAsked part;
  if (limit.algorithm == &kTokenBucket) part.rate = fill_rate(permits, limit.period_ms);
  if (limit.algorithm == &kSlidingWindow) part.log = log_numbers(permits, limit.period_ms);
  part.burst = burst;
  return shares_.take_from_bucket(counter.use->names.of(counter.key.view(), 0), part, ask, now,
                                  left);
}

CheckResult Decider::by_policy(const Counter& counter, const Ask& ask, Mono now) {
  CheckResult result;
  LimitUse& use = *counter.use;
  if (const KnownBlock* const known = block_of(counter, now)) {
    return blocked(counter, blocked_for_ms(counter, *known, now), now);
  }
  if (use.limit->on_store_down == OnStoreDown::Error && !use.limit->shadow) {
    result.verdict = Verdict::StoreDown;
    return result;
  }
  std::int64_t left = Decision::kUnknown;
  const bool shares = use.limit->on_store_down == OnStoreDown::Share;
  const bool allowed =
      shares ? take_share(counter, ask, now, left) : use.limit->on_store_down == OnStoreDown::Allow;
  result.decision = decide_without_store(use, shard_of(counter), Reason::StoreAway, allowed, now);
  result.decision.remaining = left;
  result.decision.by = DecidedBy::Policy;
  return result;
}

}  // namespace rategate
