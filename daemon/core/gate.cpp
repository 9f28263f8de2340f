#include "daemon/core/gate.hpp"

#include <algorithm>

namespace rategate {
namespace {

std::vector<Shard> make_shards(const Gate::Options& options) {
  std::vector<Shard> shards;
  shards.reserve(options.shards);
  for (std::uint16_t i = 0; i < options.shards; ++i) shards.emplace_back(options.clock);
  return shards;
}

// Who is not denied does not wait.
Request at_once(Request request) {
  request.patience = {};
  return request;
}

CheckResult without_decision(Verdict verdict) {
  CheckResult result;
  result.verdict = verdict;
  return result;
}

}  // namespace

Gate::Gate(const Options& options, SharedPools* shared)
    : options_(options),
      counters_(options.seed),
      shards_(make_shards(options)),
      random_(options.jitter_seed + 3),
      alarms_(counters_),
      decider_(shards_, losses_, stats_, options.command_timeout_us, options.share_hosts_min,
               options.jitter_seed + 2),
      room_(counters_, shards_, decider_, stats_),
      keeper_(counters_, shards_, alarms_, books_, decider_, marks_, stats_, shared,
              options.jitter_seed),
      recounter_(counters_, shards_, keeper_, decider_, stats_),
      settler_(counters_, shards_, keeper_, decider_, marks_, books_, stats_),
      reserver_(counters_, shards_, alarms_, room_, keeper_, recounter_, decider_, marks_, books_,
                stats_, options.jitter_seed + 1),
      holds_(hold_options(), shards_) {}

// ---- Counters -------------------------------------------------------------------------------

bool Gate::may_forget(Counter& counter, bool crowded, Mono now) {
  const auto reading = shard(counter.shard).clock.read(now);
  const bool full = counter.bucket == nullptr ||
                    (reading && full_at(counter.bucket->bucket) <= reading->earliest);
  const bool over = full && reading && counter.pool.last_end_ms() * 1000 <= reading->earliest.us;
  // Nobody finds a dropped one, but what is known of a long window may have to be told.
  const bool useless =
      counter.use->dropped && lost_policy(*counter.use->limit) == OnStoreLost::Deny;
  if (!over && !crowded && !useless) return false;
  keeper_.let_go(counter, now);
  return true;
}

// The shard that counts for it may be another one by now.
void Gate::follow_slot(CounterId id, Mono now) {
  if (!options_.shard_of) return;
  const Counter& counter = counters_[id];
  const ShardId shard = options_.shard_of(*counter.use, counter.key.view());
  if (shard == counter.shard) return;
  const bool is_to_be_told = counter.recount_listed;
  reserver_.move(id, shard, now);
  if (is_to_be_told) recounter_.list(id);
}

CounterId Gate::counter_of(const Request& request, Mono now) {
  // Without %k all keys are one counter.
  const bool has_key = request.limit->limit->redis_key.has_key();
  const CounterId id = find_counter(request, has_key ? request.key : std::string_view(), now);
  follow_slot(id, now);
  return id;
}

CounterId Gate::find_counter(const Request& request, std::string_view key, Mono now) {
  const LimitUsePtr& use = request.limit;
  if (key.empty() && counters_.contains(use->keyless)) {
    const Counter& known = counters_[use->keyless];
    if (known.live && known.use == use.get() && known.key.view().empty()) return use->keyless;
  }
  const ShardId shard = options_.shard_of ? options_.shard_of(*use, key) : ShardId{0};
  const CounterId id = counters_.find_or_add(use, key, shard, [&](Counter& other, bool crowded) {
    return may_forget(other, crowded, now);
  });
  if (key.empty()) use->keyless = id;
  return id;
}

// ---- Those who ask --------------------------------------------------------------------------

CheckResult Gate::check(const Request& request, Mono now) {
  ++(request.ask.takes ? stats_.checks : stats_.peeks);
  if (stopping_) return without_decision(Verdict::Stopping);
  CheckResult result = decide(request, now);
  LimitUse& use = result.by_rule != nullptr ? *result.by_rule : *request.limit;
  if (!result.waits && result.verdict != Verdict::Crowded) {
    decider_.conclude(use, request.ask, result);
  }
  return result;
}

CheckResult Gate::decide(const Request& request, Mono now) {
  LimitUse& use = *request.limit;
  if (use.by_key != nullptr) return decide_by_key(request, now);
  if (request.ask.cost > use.most_cost) return Decider::never_fits(use, shards_.front(), now);
  return use.subs.empty() ? check_counted(counter_of(request, now), request, now)
                          : check_spread(request, now);
}

CheckResult Gate::check_counted(CounterId id, const Request& request, Mono now) {
  Counter& counter = counters_[id];
  LimitUse& use = *counter.use;
  const Limit& limit = *use.limit;
  const Shard& shard = shards_[counter.shard.value];
  if (use.blocks) {
    if (const auto blocked = decider_.deny_blocked(counter, now)) {
      if (request.ask.takes) show_block(id, now);
      return *blocked;
    }
  }
  if (request.patience.us > 0) {
    // What is denied is allowed, or blocks the key.
    if (use.blocks || limit.shadow) return check_counted(id, at_once(request), now);
    if (is_crowded(counter)) return without_decision(Verdict::Crowded);
    if (const auto behind = reserver_.stand_behind(id, request, now)) return *behind;
  }
  bool open = false;
  if (const auto reading = shard.usable(limit, now)) {
    const Placed at = use.place(*reading);
    if (use.is_shared() && request.ask.takes)
      keeper_.share_pool(id, reading->earliest.us / 1000, now);
    open = at.open;
    if (open) {
      const WindowState state = decider_.state_of(counter, at.window, now);
      if (const auto known = decide_open(id, at.window, state, request, now)) return *known;
      open = state != WindowState::Uncounted;
    }
  }
  if (shard.health.is_away() || now < use.refused_until) {
    return decider_.by_policy(counter, request.ask, now);
  }
  const CheckResult waits = room_.join(id, request, after(now, options_.command_timeout_us));
  const Line& line = *counters_.line(counter);
  if (line.reservation == 0 && (!line.is_queued() || line.aside)) {
    // Nobody else has waited here, and what is known of this one has been looked at.
    if (open && line.due.has_one()) {
      room_.queue(id);
    } else {
      reserver_.serve(id, now);
    }
  }
  return waits;
}

// What is known here, of a window that is open.
std::optional<CheckResult> Gate::decide_open(CounterId id, const Window& window, WindowState state,
                                             const Request& request, Mono now) {
  const Counter& counter = counters_[id];
  if (reserver_.is_acquiring(counter)) return std::nullopt;  // behind them
  const auto known = reserver_.decide_here(id, window, state, request.ask, now);
  if (!known) return std::nullopt;
  if (known->decision.allowed || request.patience.us == 0) return known;
  if (Reserver::books(counter, state)) return std::nullopt;
  const auto parked = reserver_.park_new(id, request, *known, now);
  return parked ? parked : known;
}

void Gate::drop_limits(Mono now) {
  reserver_.deny_acquirers_of_dropped(now);
  deny_acquirers_of_dropped(now);
  keeper_.drop_limits(now);
}

bool Gate::is_crowded(const Counter& counter) const {
  const Line* const line = counters_.line(counter);
  const bool before_it =
      line != nullptr && line->acquire && line->acquire->count >= options_.max_parked_per_key;
  return before_it || acquiring() >= options_.max_parked;
}

void Gate::serve_deserted(Mono now) {
  for (const CounterId id : room_.take_deserted()) {
    if (counters_.is_live(id)) reserver_.serve(id, now);
  }
}

std::int64_t Gate::repeat_counted(const Request& request, const Decision& decided,
                                  std::int64_t count, Mono now) {
  if (!request.limit->subs.empty() && !stopping_) {
    count =
        repeat_counted({sub_or_last(request, now), request.key, request.ask}, decided, count, now);
    pass_on(now);
    return count;
  }
  LimitUse& use = *request.limit;
  const bool allowed = decided.allowed && decided.reason == Reason::Counted && use.leased;
  const bool denied =
      decided.reason == Reason::OverLimit || (decided.reason == Reason::Blocked && use.blocks);
  if (stopping_ || !(allowed || denied)) return 0;
  const CounterId id = counter_of(request, now);
  Counter& counter = counters_[id];
  if (decided.reason == Reason::Blocked) {
    if (!decider_.deny_blocked(counter, now)) return 0;
    decider_.repeated(use, decided, request.ask.cost, count);
    return count;
  }
  const auto reading = shards_[counter.shard.value].usable(*use.limit, now);
  if (!reading) return 0;
  const Placed at = use.place(*reading);
  if (!at.open) return 0;
  const WindowState state = decider_.state_of(counter, at.window, now);
  const std::int64_t held = decider_.held(counter, at.window, now);
  if (allowed) {
    count = std::min(count, held / request.ask.cost);
    if (count == 0 || !has_counted(state)) return 0;
    if (!keeper_.spend(id, at.window, {request.ask.cost, count}, now)) return 0;
  } else if (state != WindowState::Exhausted || held > 0) {
    // Used up is used up; where permits are left that did not suffice, each is judged by itself.
    return 0;
  }
  decider_.repeated(use, decided, request.ask.cost, count);
  return count;
}

void Gate::nudged(SlotId slot, Mono now) {
  if (stopping_) return;
  const CounterId id = keeper_.nudged(slot);
  if (id.is_none()) return;
  follow_slot(id, now);
  keeper_.renew_if_low(id, now);
  pass_on(now);
}

// ---- Its time -------------------------------------------------------------------------------

void Gate::stop(Mono now) {
  stopping_ = true;
  const CheckResult result = without_decision(Verdict::Stopping);
  for (std::uint16_t i = 0; i < options_.shards; ++i) {
    reserver_.forget_under_way({i}, now);
    reserver_.answer_all({i}, [&](const Counter&, const Ask&) { return result; });
  }
  reserver_.answer_acquirers([&](const Ask&) { return result; });
  holds_.stop();
  hear_members(now);
  stop_acquirers(now);
  while (!clears_.empty()) clears_.end(clears_.jobs().front(), {}, true);
  counters_.for_each_id([&](CounterId id) { keeper_.let_go(counters_[id], now); });
}

void Gate::turn(Mono now) {
  room_.expire(now);
  recounter_.turn(now);
  tell_moved(now);
  ask_for_clears(now);
  for (CounterId id = alarms_.ring(now); !id.is_none(); id = alarms_.ring(now)) {
    follow_slot(id, now);
    if (!stopping_) keeper_.attend(id, now);
    reserver_.serve(id, now);
  }
  serve_deserted(now);
  expire_combined(now);
  try_acquirers(now);
  holds_.turn(now);
  pass_on(now);
}

Mono Gate::next_turn() const {
  const Mono tells_at = tells_next_.is_none() ? tells_at_ : told_at_;
  return std::min({room_.next_deadline(), alarms_.next(), recounter_.next_turn(),
                   clears_.next_turn(), combined_.next_deadline(), acquirers_.next_due(), tells_at,
                   holds_.next_turn()});
}

std::size_t Gate::queued() const {
  std::size_t lines = 0;
  for (const Shard& shard : shards_) lines += shard.lines.size() + shard.aside.size();
  return lines;
}

std::int64_t Gate::counted() const {
  std::int64_t held = 0;
  counters_.for_each([&](const Counter& counter) {
    held += counter.pool.held();
    if (const Line* const line = counters_.line(counter)) {
      held += line->hand.permits() + (line->acquire ? line->acquire->booked_permits : 0);
    }
  });
  for (const Shard& shard : shards_) {
    for (const Release& release : shard.releases) {
      held += std::max<std::int64_t>(0, release.permits);
    }
  }
  return held;
}

}  // namespace rategate
