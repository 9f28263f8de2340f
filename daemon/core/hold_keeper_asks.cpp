// What is asked of the store for the counters of concurrency limits, when, and what its answers
// mean.
#include <algorithm>

#include "daemon/core/hold_keeper.hpp"

namespace rategate {
namespace {

constexpr std::int64_t kLeastBackoffUs = 5'000;
constexpr std::int64_t kMostBackoffUs = 50'000;
// What was not used for so long goes back: a second at least, and two at most.
constexpr std::int64_t kPeakUs = 1'000'000;
// A call that was led elsewhere is made again after so long; a limit that was refused, after this.
constexpr std::int64_t kElsewhereUs = 20'000;
constexpr std::int64_t kRefusedUs = 1'000'000;
constexpr std::int64_t kToldEveryUs = 60'000'000;
// While others hold something a host takes this part of what is free.
constexpr std::int64_t kPartOfFree = 4;
// A hold is renewed so many times while it is good.
constexpr std::int64_t kRenewals = 3;
// Where another host needs more, it is looked after so much whether it still does.
constexpr std::int64_t kSharesUs = 1'000'000;

// The part of each host that has use for some; kAll where no other needs more and has less than
// that.
std::int64_t share_of(std::int64_t limit, const HoldAnswer& answer) {
  const std::int64_t share = std::max<std::int64_t>(1, limit / (answer.sharing + 1));
  return answer.least >= 0 && answer.least < share ? share : HeldCounter::kAll;
}

}  // namespace

// ---- How much -------------------------------------------------------------------------------

// More than that is held above the limit, as what is entered is counted in any case.
std::int64_t HoldKeeper::left_by_others(const HeldCounter& counter) {
  return std::max(counter.entered, counter.use->limit->permits - counter.others);
}

std::int64_t HoldKeeper::wanted(const HeldCounter& counter) const {
  const std::int64_t held = counter.hold.usable();
  std::int64_t keep = std::min(held, counter.used_lately());
  keep = std::max(counter.entered, std::min({keep, left_by_others(counter), counter.share}));
  if (counter.line.empty() || counter.use->dropped) return keep;
  std::int64_t more = counter.entered + counter.line.cost() - keep;
  if (counter.others > 0) {
    const std::int64_t free = counter.use->limit->permits - counter.others - held;
    const std::int64_t first = counter.entered + counter.line.front().cost - keep;
    more = std::min(more, std::max(first, free / kPartOfFree));
  }
  const std::int64_t most =
      std::min(counter.use->limit->permits, counter.most_shared(counter.line.front().cost));
  return std::max(keep, std::min(keep + more, most));
}

// A limit whose counters got other names while the store's clock was not known: by that clock it
// was before the first reading.
void HoldKeeper::note_moved(const HeldCounter& counter, Mono now) const {
  std::int64_t& moved_ms = counter.use->moved_ms;
  if (moved_ms != LimitTable::kNoClock) return;
  const auto reading = shard_of(counter).clock.read(now);
  if (reading) moved_ms = reading->latest.us / 1000 + 1;
}

// For so long nobody asks for more than is entered: until all that hosts had held at a loss has
// ended. 0: for no longer.
std::int64_t HoldKeeper::restrained_us(const HeldCounter& counter, Mono now) const {
  const StoreClock& clock = shard_of(counter).clock;
  const std::int64_t ttl_us = counter.use->limit->period_ms * 1000 + options_.skew_us;
  const Mono ends = after(lost_at_, clock.with_drift(ttl_us) + clock.options().max_error_us);
  if (now < ends) return ends.us - now.us;
  // Other hosts take what is entered there to the counter's new name when they are reloaded.
  const std::int64_t moved_ms = counter.use->moved_ms;
  if (moved_ms == INT64_MIN) return 0;
  const auto reading = clock.read(now);
  if (!reading || moved_ms == LimitTable::kNoClock) return ttl_us;
  return std::max<std::int64_t>(0, moved_ms * 1000 + ttl_us - reading->earliest.us);
}

bool HoldKeeper::is_restrained(const HeldCounter& counter, Mono now) const {
  return restrained_us(counter, now) > 0;
}

void HoldKeeper::note_peak(HeldCounter& counter, Mono now) {
  if (now >= counter.peak_until) {
    const bool is_next = now < after(counter.peak_until, kPeakUs);
    counter.peak_before = is_next ? counter.peak : counter.entered;
    counter.peak = counter.entered;
    counter.peak_until = after(now, kPeakUs);
  }
  counter.peak = std::max(counter.peak, counter.entered);
}

// ---- When -----------------------------------------------------------------------------------

bool HoldKeeper::wants_ask(const HeldCounter& counter, Mono now) const {
  if (counter.hold.is_asking() || !shard_of(counter).health.is_up()) return false;
  const std::int64_t held = counter.hold.usable();
  const bool is_in_use = counter.entered > 0 || held > 0;
  if (is_in_use && now >= counter.renews) return true;
  if (now < counter.not_before) return false;
  const bool may_have_more = held < counter.use->limit->permits;
  return (may_have_more && !counter.line.empty()) || counter.entered > held ||
         held > counter.used_lately() || held > left_by_others(counter) ||
         held > std::max(counter.entered, counter.share);
}

Mono HoldKeeper::next_wake(const HeldCounter& counter, Mono now) const {
  if (counter.hold.is_asking() || !shard_of(counter).health.is_up()) return kNever;
  const std::int64_t held = counter.hold.usable();
  Mono next = kNever;
  if (counter.entered > 0 || held > 0) next = std::min(counter.renews, counter.peak_until);
  if (now < counter.not_before) next = std::min(next, counter.not_before);
  return next;
}

void HoldKeeper::set_alarm(HeldCounter& counter, Mono at) {
  if (at == counter.wakes) return;
  alarms_.erase({counter.wakes, counter.number});
  counter.wakes = at;
  if (at != kNever) alarms_.emplace(at, counter.number);
}

void HoldKeeper::back_off(HeldCounter& counter, Mono now) {
  counter.backoff_us = std::clamp(2 * counter.backoff_us, kLeastBackoffUs, kMostBackoffUs);
  const std::int64_t half = counter.backoff_us / 2;
  const std::int64_t us = half + half * random_.of_1024() / 1024;
  counter.not_before = after(now, std::max(kLeastBackoffUs, us));
}

// Nothing of it is used, held or remembered.
bool HoldKeeper::may_forget(const HeldCounter& counter, Mono now) const {
  if (counter.entered > 0 || !counter.line.empty() || counter.hold.is_asking()) return false;
  const auto reading = reading_of(counter, now);
  const bool has_lapsed = reading && !counter.hold.is_good(reading);
  return (counter.hold.usable() == 0 || has_lapsed) && now >= counter.not_before;
}

// To be called at each event of the counter, which may be gone after it.
void HoldKeeper::settle(HeldCounter& counter, Mono now) {
  note_peak(counter, now);
  auto& line = counter.line.all();
  while (!line.empty() && fits(counter, *line.front().use, line.front().cost, now)) {
    EntryResult result;
    result.decision = let_in(counter, line.front(), now);
    answer(counter, line.begin(), result);
  }
  if (may_forget(counter, now)) return forget(counter);
  if (wants_ask(counter, now)) {
    if (!std::exchange(counter.queued, true)) {
      asks_[counter.shard.value].push_back(counter.number);
    }
    return set_alarm(counter, kNever);
  }
  set_alarm(counter, next_wake(counter, now));
}

// ---- Asking ---------------------------------------------------------------------------------

void HoldKeeper::follow_slot(HeldCounter& counter) const {
  counter.shard = options_.shard_of ? options_.shard_of(*counter.use, counter.key) : ShardId{0};
}

std::optional<HoldAsked> HoldKeeper::take(ShardId shard, Mono now) {
  auto& asks = asks_[shard.value];
  while (!asks.empty()) {
    HeldCounter* const counter = find(asks.front());
    asks.pop_front();
    if (counter == nullptr) continue;
    counter->queued = false;
    if (counter->shard != shard || !wants_ask(*counter, now)) continue;
    const auto reading = reading_of(*counter, now);
    const bool has_lapsed = counter->hold.usable() > 0 && !counter->hold.is_good(reading);
    if (has_lapsed && counter->entered > 0) ++stats_.holds_lapsed;
    note_moved(*counter, now);
    counter->only_counted = is_restrained(*counter, now);
    Hold::Ask ask;
    ask.sequence = ++last_sequence_;
    ask.used = counter->entered;
    ask.wanted = counter->only_counted ? counter->entered : wanted(*counter);
    ask.keeps = !counter->only_counted;
    ask = counter->hold.ask(ask, reading);
    const std::int64_t ttl_ms = counter->use->limit->period_ms;
    counter->renews = after(now, ttl_ms * 1000 / kRenewals);
    for (EntryWaiter& waiter : counter->line.all()) waiter.asked = true;
    ++stats_.hold_calls;
    return HoldAsked{
        counter->number, counter->name, host_,    ask.sequence, counter->use->limit->permits,
        ttl_ms,          ask.used,      ask.kept, ask.wanted};
  }
  return std::nullopt;
}

// ---- Being answered -------------------------------------------------------------------------

void HoldKeeper::answered(const HoldAsked& asked, const HoldAnswer& answer, Mono now) {
  HeldCounter* const counter = find(asked.id);
  if (counter == nullptr) return;
  HoldAnswer sure = answer;
  sure.until.us -= options_.skew_us;
  if (!counter->hold.answered(asked.sequence, sure)) return;
  const bool holds = answer.status == HoldAnswer::Status::Holds;
  if (holds) {
    counter->others = answer.others;
    counter->told = now;
    counter->share = share_of(counter->use->limit->permits, answer);
  }
  const bool shares = counter->share != HeldCounter::kAll;
  if (shares) counter->renews = std::min(counter->renews, after(now, kSharesUs));
  const bool all = has_all(*counter, now);  // nothing is asked for those who came meanwhile
  for (EntryWaiter& waiter : counter->line.all()) {
    waiter.heard = waiter.heard || waiter.asked || all;
  }
  const bool is_short = !holds || answer.held < asked.wanted || shares || counter->only_counted ||
                        !counter->hold.is_good(reading_of(*counter, now)) ||
                        (!counter->line.empty() && !front_fits(*counter, now));
  counter->hungry = is_short;
  if (is_short) {
    back_off(*counter, now);
  } else {
    counter->backoff_us = 0;
  }
  const std::uint64_t number = counter->number;
  settle(*counter, now);
  if (!is_short || find(number) == nullptr) return;
  deny_heard(*counter, now);
  settle(*counter, now);
}

void HoldKeeper::again(const HoldAsked& asked, Mono now) {
  HeldCounter* const counter = find(asked.id);
  if (counter == nullptr || counter->hold.asked().sequence != asked.sequence) return;
  counter->hold.lose();
  counter->renews = now;
  settle(*counter, now);
}

void HoldKeeper::later(const HoldAsked& asked, Mono now) {
  HeldCounter* const counter = find(asked.id);
  if (counter == nullptr || counter->hold.asked().sequence != asked.sequence) return;
  counter->hold.lose();
  counter->renews = counter->not_before = after(now, kElsewhereUs);
  follow_slot(*counter);
  settle(*counter, now);
}

const Limit* HoldKeeper::refused(const HoldAsked& asked, Mono now) {
  HeldCounter* const counter = find(asked.id);
  if (counter == nullptr || counter->hold.asked().sequence != asked.sequence) return nullptr;
  counter->hold.lose();
  const LimitUsePtr use = counter->use;
  use->refused_until = counter->renews = counter->not_before = after(now, kRefusedUs);
  answer_all_by_policy(*counter, now);
  settle(*counter, now);
  if (now < use->refusal_told) return nullptr;
  use->refusal_told = after(now, kToldEveryUs);
  return use->limit.get();
}

// ---- The store's events ---------------------------------------------------------------------

std::vector<std::uint64_t> HoldKeeper::counters_of(ShardId shard) const {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, counter] : by_number_) {
    if (counter->shard == shard) numbers.push_back(number);
  }
  return numbers;
}

void HoldKeeper::store_up(ShardId shard, Mono now) {
  for (const std::uint64_t number : counters_of(shard)) settle(*find(number), now);
}

void HoldKeeper::store_connecting(ShardId shard, Mono now) {
  asks_[shard.value].clear();
  for (const std::uint64_t number : counters_of(shard)) {
    HeldCounter& counter = *find(number);
    counter.queued = false;
    counter.hold.lose();
    counter.renews = now;
    for (EntryWaiter& waiter : counter.line.all()) waiter.asked = waiter.heard;
    settle(counter, now);
  }
}

void HoldKeeper::store_away(ShardId shard, Mono now) {
  for (const std::uint64_t number : counters_of(shard)) {
    answer_all_by_policy(*find(number), now);
    settle(*find(number), now);
  }
}

void HoldKeeper::store_lost(Mono at) { lost_at_ = std::max(lost_at_, at); }

void HoldKeeper::slots_moved(Mono now) {
  if (!options_.shard_of) return;
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, counter] : by_number_) numbers.push_back(number);
  for (const std::uint64_t number : numbers) {
    HeldCounter& counter = *find(number);
    const ShardId before = counter.shard;
    follow_slot(counter);
    if (counter.shard == before) continue;
    // What is under way there counts, if it is answered.
    counter.queued = false;
    counter.renews = now;
    settle(counter, now);
  }
}

// What is entered is counted by the name that the limit gives the counter now, of which nothing is
// held yet. False where that is another one's.
bool HoldKeeper::rename(HeldCounter& counter, const LimitUse& use) {
  std::string name = use.names.of(counter.key, 0);
  if (name == counter.name) return true;
  if (counters_.contains(name)) return false;
  auto node = counters_.extract(counter.name);
  node.key() = name;
  counters_.insert(std::move(node));
  counter.name = std::move(name);
  counter.hold = Hold();
  counter.others = 0;
  counter.told = kNever;
  counter.share = HeldCounter::kAll;
  return true;
}

void HoldKeeper::reload(const std::function<LimitUsePtr(const std::string& name)>& find_limit,
                        Mono now) {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, counter] : by_number_) numbers.push_back(number);
  for (const std::uint64_t number : numbers) {
    HeldCounter& counter = *find(number);
    if (!counter.use->dropped) continue;
    const LimitUsePtr use = find_limit(counter.use->limit->name);
    const bool goes_on = use != nullptr && use->limit->algorithm == counter.use->limit->algorithm &&
                         rename(counter, *use);
    if (goes_on) {
      if (use->limit->permits < counter.use->limit->permits) counter.hold.lower(counter.entered);
      for (EntryWaiter& waiter : counter.line.all()) {
        if (waiter.use == counter.use) waiter.use = use;
      }
      counter.use = use;
      counter.not_before = counter.renews = now;
      counter.queued = false;
      follow_slot(counter);
    }
    for (EntryWaiter& waiter : counter.line.all()) waiter.heard = waiter.heard || !goes_on;
    if (!goes_on) deny_heard(counter, now);
    settle(counter, now);
  }
}

// ---- Its time -------------------------------------------------------------------------------

void HoldKeeper::turn(Mono now) {
  for (std::uint64_t entry = entries_.any_over(now); entry != 0; entry = entries_.any_over(now)) {
    ++stats_.entries_lost;
    remove(entry, now);
  }
  expire_waiters(now);
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    HeldCounter& counter = *find(alarms_.begin()->second);
    set_alarm(counter, kNever);
    settle(counter, now);
  }
}

Mono HoldKeeper::next_turn() const {
  Mono next = entries_.next_over();
  if (!alarms_.empty()) next = std::min(next, alarms_.begin()->first);
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  return next;
}

}  // namespace rategate
