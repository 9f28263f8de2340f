#include "daemon/core/hold_keeper.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace rategate {
namespace {

// Who is denied by a host that has all slots is to ask again after so long.
constexpr std::int64_t kRetryMs = 50;

std::string hexadecimal(std::uint64_t number) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
  return {digits.data(), end};
}

// The one of that number, which is there.
std::list<EntryWaiter>::iterator waiter_of(HeldCounter& counter, std::uint64_t number) {
  auto& line = counter.line.all();
  return std::find_if(line.begin(), line.end(),
                      [number](const EntryWaiter& each) { return each.number == number; });
}

EntryResult without_decision(Verdict verdict) {
  EntryResult result;
  result.verdict = verdict;
  return result;
}

}  // namespace

HoldKeeper::HoldKeeper(const Options& options, std::vector<Shard>& shards)
    : options_(options),
      shards_(shards),
      host_(hexadecimal(options.host)),
      random_(options.host),
      entries_({options.seed.k0 ^ options.host, options.seed.k1}),
      asks_(shards.size()) {}

// ---- Counters -------------------------------------------------------------------------------

// In the store.
std::string HoldKeeper::name_of(const EntryRequest& request) {
  const bool has_key = request.limit->limit->redis_key.has_key();
  return request.limit->names.of(has_key ? request.key : std::string_view(), 0);
}

// One that this host did not know before.
HeldCounter HoldKeeper::begun(const EntryRequest& request, const std::string& name) const {
  HeldCounter counter;
  counter.name = name;
  if (request.limit->limit->redis_key.has_key()) counter.key = request.key;
  counter.use = request.limit;
  follow_slot(counter);
  return counter;
}

// From now on it is asked for by that limit's numbers.
void HoldKeeper::adopt(HeldCounter& counter, const LimitUsePtr& use, Mono now) {
  if (counter.use == use) return;
  if (use->limit->permits < counter.use->limit->permits) counter.hold.lower(counter.entered);
  counter.use = use;
  counter.not_before = counter.renews = now;
}

// Null where there are as many as there may be.
HeldCounter* HoldKeeper::counter_of(const EntryRequest& request, Mono now) {
  const std::string name = name_of(request);
  const auto found = counters_.find(name);
  if (found != counters_.end()) {
    adopt(*found->second, request.limit, now);
    return found->second.get();
  }
  if (counters_.size() >= options_.most_counters) return nullptr;
  auto made = std::make_unique<HeldCounter>(begun(request, name));
  made->number = ++last_number_;
  HeldCounter* const counter = made.get();
  by_number_.emplace(counter->number, counter);
  counters_.emplace(name, std::move(made));
  return counter;
}

HeldCounter* HoldKeeper::find(std::uint64_t number) {
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : found->second;
}

const HeldCounter* HoldKeeper::counter(const std::string& name) const {
  const auto found = counters_.find(name);
  return found == counters_.end() ? nullptr : found->second.get();
}

std::optional<ClockReading> HoldKeeper::reading_of(const HeldCounter& counter, Mono now) const {
  return shard_of(counter).usable(*counter.use->limit, now);
}

void HoldKeeper::forget(HeldCounter& counter) {
  alarms_.erase({counter.wakes, counter.number});
  by_number_.erase(counter.number);
  counters_.erase(std::string(counter.name));
}

// ---- Those who ask --------------------------------------------------------------------------

EntryResult HoldKeeper::enter(const EntryRequest& request, Mono now) {
  if (stopping_) return without_decision(Verdict::Stopping);
  HeldCounter* const counter = counter_of(request, now);
  if (counter == nullptr) return without_decision(Verdict::Crowded);
  EntryWaiter who;
  who.ticket = request.ticket;
  who.flow = request.flow;
  who.use = request.limit;
  who.cost = request.cost;
  who.for_us = request.for_us;
  who.patience = request.patience;
  who.store_deadline = after(now, options_.command_timeout_us);
  const EntryResult result = decide(*counter, who, now);
  if (result.waits) wait(*counter, std::move(who), now);
  settle(*counter, now);
  return result;
}

// All that decides; nothing is changed by it, so that a look is told the same.
HoldKeeper::Course HoldKeeper::course_of(const HeldCounter& counter, const EntryWaiter& who,
                                         Mono now) const {
  if (entries_.size() + waiting_ >= options_.most_entries) return Course::Crowded;
  if (who.cost > who.use->limit->permits) return Course::NeverFits;
  if (counter.line.empty() && fits(counter, *who.use, who.cost, now)) return Course::Enters;
  if (shard_of(counter).health.is_away() || now < who.use->refused_until) return Course::Policy;
  // Behind those who wait for others to leave there is nothing; nor where the store has just said
  // so.
  const bool is_known = has_all(counter, now) || (counter.hungry && now < counter.not_before);
  if (who.patience.us == 0 && (counter.line.is_parked() || is_known)) return Course::Denied;
  const bool is_full =
      waiting_ >= options_.most_waiting || counter.line.size() >= options_.most_waiting_per_counter;
  return is_full ? Course::Crowded : Course::Waits;
}

EntryResult HoldKeeper::decide(HeldCounter& counter, const EntryWaiter& who, Mono now) {
  EntryResult result;
  switch (course_of(counter, who, now)) {
    case Course::Enters:
      result.decision = let_in(counter, who, now);
      break;
    case Course::NeverFits:
      result.decision = denied(counter, *who.use, -1);
      break;
    case Course::Policy:
      return by_policy(counter, who, now);
    case Course::Denied:
      result.decision = denied(counter, *who.use, retry_ms(counter, now));
      break;
    case Course::Waits:
      result.waits = true;
      break;
    case Course::Crowded:
      return without_decision(Verdict::Crowded);
  }
  return result;
}

// So many may be entered here beside what others held at the last answer, whatever this host holds.
std::int64_t HoldKeeper::most_here(const HeldCounter& counter, const LimitUse& use,
                                   std::int64_t cost) {
  // What is counted above the limit is not filled again by somebody else when it is left.
  return std::min(use.limit->permits - counter.others, counter.most_shared(cost));
}

bool HoldKeeper::fits(const HeldCounter& counter, const LimitUse& use, std::int64_t cost,
                      Mono now) const {
  const std::int64_t here = std::min(counter.hold.usable(), most_here(counter, use, cost));
  return counter.entered + cost <= here && !use.dropped &&
         counter.hold.is_good(reading_of(counter, now));
}

// The store has nothing more for it.
bool HoldKeeper::has_all(const HeldCounter& counter, Mono now) const {
  return counter.hold.usable() >= counter.use->limit->permits &&
         counter.hold.is_good(reading_of(counter, now));
}

// There is a first one in the line.
bool HoldKeeper::front_fits(const HeldCounter& counter, Mono now) const {
  const EntryWaiter& front = counter.line.front();
  return fits(counter, *front.use, front.cost, now);
}

std::int64_t HoldKeeper::remaining(const HeldCounter& counter, const LimitUse& use) const {
  return std::max<std::int64_t>(0, use.limit->permits - counter.others - counter.entered);
}

EntryDecision HoldKeeper::let_in(HeldCounter& counter, const EntryWaiter& who, Mono now) {
  counter.entered += who.cost;
  note_peak(counter, now);
  ++stats_.entered;
  ++who.use->tally->allowed;
  EntryDecision decision;
  decision.entered = true;
  decision.limit = who.use->limit->permits;
  decision.remaining = remaining(counter, *who.use);
  decision.entry = entries_.add({counter.number, who.cost, who.flow, who.for_us}, now);
  return decision;
}

EntryDecision HoldKeeper::denied(const HeldCounter& counter, LimitUse& use, std::int64_t retry_ms) {
  ++stats_.entry_denied;
  ++use.tally->denied;
  EntryDecision decision;
  decision.limit = use.limit->permits;
  decision.remaining = remaining(counter, use);
  decision.retry_after_ms = retry_ms;
  return decision;
}

// Who is let in without the store counts as the others do.
EntryResult HoldKeeper::by_policy(HeldCounter& counter, const EntryWaiter& who, Mono now) {
  EntryResult result;
  switch (who.use->limit->on_store_down) {
    case OnStoreDown::Error:
      result.verdict = Verdict::StoreDown;
      break;
    case OnStoreDown::Allow:
      result.decision = let_in(counter, who, now);
      break;
    default:
      result.decision = denied(counter, *who.use, policy_retry_ms(counter, *who.use, now));
      break;
  }
  return result;
}

// When the store is tried again.
std::int64_t HoldKeeper::policy_retry_ms(const HeldCounter& counter, const LimitUse& use,
                                         Mono now) const {
  const Mono tries = std::max(shard_of(counter).tries_again, use.refused_until);
  const std::int64_t wait_us = tries == kNever ? 0 : tries.us - now.us;
  return std::max<std::int64_t>(1, wait_us / 1000);
}

// When this host looks again; where it has all there is, about as long as it would take others.
std::int64_t HoldKeeper::retry_ms(const HeldCounter& counter, Mono now) const {
  const std::int64_t restrained = restrained_us(counter, now);
  if (restrained > 0) return (restrained + 999) / 1000;
  if (has_all(counter, now)) return kRetryMs;
  return std::max<std::int64_t>(1, (counter.not_before.us - now.us + 999) / 1000);
}

bool HoldKeeper::leave(std::uint64_t entry, Mono now) {
  if (entries_.find(entry) == nullptr) return false;
  ++stats_.left;
  remove(entry, now);
  return true;
}

std::optional<bool> HoldKeeper::stay(std::uint64_t entry, Mono now) {
  const Entry* const known = entries_.find(entry);
  if (known == nullptr || known->until <= now) return std::nullopt;
  if (known->for_us == 0) return false;
  entries_.renew(entry, now);
  return true;
}

void HoldKeeper::remove(std::uint64_t entry, Mono now) {
  const Entry gone = entries_.remove(entry);
  HeldCounter* const counter = find(gone.counter);
  if (counter == nullptr) return;
  note_peak(*counter, now);
  counter->entered -= gone.cost;
  settle(*counter, now);
}

void HoldKeeper::gone(std::uint32_t flow, Mono now) {
  drop_waiters(flow, now);
  for (std::uint64_t entry = entries_.any_of(flow); entry != 0; entry = entries_.any_of(flow)) {
    ++stats_.entries_lost;
    remove(entry, now);
  }
}

// ---- Those who wait -------------------------------------------------------------------------

void HoldKeeper::wait(HeldCounter& counter, EntryWaiter who, Mono now) {
  who.number = ++last_waiter_;
  who.heard = has_all(counter, now) || (counter.hungry && now < counter.not_before);
  const std::pair at{counter.number, who.number};
  deadlines_.insert({who.store_deadline, at});
  if (who.patience.us > 0) deadlines_.insert({who.patience, at});
  waiting_of_[who.flow].insert(at);
  counter.line.add(std::move(who));
  ++waiting_;
}

// The next one in the line.
HoldKeeper::Place HoldKeeper::answer(HeldCounter& counter, Place at, const EntryResult& result) {
  answers_.push_back({at->ticket, result.verdict, result.decision, at->use->limit});
  const std::pair where{counter.number, at->number};
  deadlines_.erase({at->store_deadline, where});
  deadlines_.erase({at->patience, where});
  const auto of_flow = waiting_of_.find(at->flow);
  of_flow->second.erase(where);
  if (of_flow->second.empty()) waiting_of_.erase(of_flow);
  --waiting_;
  return counter.line.remove(at);
}

void HoldKeeper::drop_waiters(std::uint32_t flow, Mono now) {
  const auto found = waiting_of_.find(flow);
  if (found == waiting_of_.end()) return;
  const auto all = found->second;
  for (const auto& [number, waiter] : all) {
    HeldCounter& counter = *find(number);
    const auto at = waiter_of(counter, waiter);
    answer(counter, at, {});
    answers_.pop_back();
    settle(counter, now);
  }
}

void HoldKeeper::answer_all_by_policy(HeldCounter& counter, Mono now) {
  auto& line = counter.line.all();
  for (auto at = line.begin(); at != line.end();) {
    at = answer(counter, at, by_policy(counter, *at, now));
  }
}

// Those that do not wait for others to leave, and for whom the store was asked in vain.
void HoldKeeper::deny_heard(HeldCounter& counter, Mono now) {
  auto& line = counter.line.all();
  for (auto at = line.begin(); at != line.end();) {
    const bool is_over = at->heard && (at->patience.us == 0 || at->use->dropped);
    EntryResult result;
    if (is_over) result.decision = denied(counter, *at->use, retry_ms(counter, now));
    at = is_over ? answer(counter, at, result) : std::next(at);
  }
}

// Whose time is over: for the store, which has not answered, or for others to leave.
void HoldKeeper::expire_waiters(Mono now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto [number, waiter] = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    HeldCounter& counter = *find(number);
    const auto at = waiter_of(counter, waiter);
    if (at->heard && now < at->patience) continue;
    EntryResult result;
    if (!at->heard && now >= at->store_deadline) {
      result = by_policy(counter, *at, now);
    } else {
      result.decision = denied(counter, *at->use, retry_ms(counter, now));
    }
    answer(counter, at, result);
    settle(counter, now);
  }
}

void HoldKeeper::stop() {
  stopping_ = true;
  for (const auto& [name, counter] : counters_) {
    auto& line = counter->line.all();
    for (auto at = line.begin(); at != line.end();) {
      at = answer(*counter, at, without_decision(Verdict::Stopping));
    }
  }
}

}  // namespace rategate
