// What the answers of the store mean for who waits.
#include <algorithm>
#include <utility>

#include "daemon/core/reserver.hpp"

namespace rategate {
namespace {

// How long a limit is not asked for after the store refused its counters: this doubles each time.
constexpr std::int64_t kRefusedUs = 100'000;
constexpr int kMostDoublings = 6;
// From a refusal for the sake of a counter that is on its way, to the next question.
constexpr std::int64_t kLaterUs = 10'000;
// How often that is worth a line in the log.
constexpr std::int64_t kTellEveryUs = 10'000'000;

}  // namespace

// The line of the reservation; null where it is not under way any more.
Line* Reserver::under_way(std::uint64_t reservation) {
  const CounterId id{static_cast<std::uint32_t>(reservation >> 32)};
  if (!counters_.contains(id)) return nullptr;
  Line* const line = counters_.line(counters_[id]);
  return line != nullptr && line->reservation == reservation ? line : nullptr;
}

bool Reserver::inside(Counter& counter, const Window& window, Mono now) {
  const Placed at = shard_of(counter).place(*counter.use, now);
  return at.open && at.window == window;
}

void Reserver::answered(std::uint64_t reservation, const ReserveAnswer& reply, Mono now) {
  Line* const line = under_way(reservation);
  if (line == nullptr) return;
  if (reply.status == ReserveAnswer::Status::Spoilt ||
      reply.status == ReserveAnswer::Status::Refused) {
    failed(reservation, Failure::CounterFailed, now);
    return;
  }
  const CounterId id = line->counter;
  // What was in hand by another clock is worth nothing: whoever it was to pay is asked for again.
  const bool hand_is_over = line->slices_over && line->hand.permits() > 0;
  if (reply.status != ReserveAnswer::Status::Looked || !is_answer(*line, reply) || hand_is_over) {
    failed(reservation, Failure::Unknown, now);
    return;
  }
  counters_[id].use->refusals = 0;
  if (counters_[id].use->limit->algorithm->has_windows) {
    hand_out_window(id, *line, reply, now);
  } else {
    hand_out_bucket(id, *line, reply, now);
  }
  serve(id, now);
}

// Whether it grants nothing that was not asked for, nor leases anything for longer.
bool Reserver::is_answer(const Line& line, const ReserveAnswer& reply) const {
  if (!is_answer_to(line.costs, reply)) return false;
  const LimitUse& use = *counters_[line.counter].use;
  if (use.limit->algorithm->has_windows || reply.leased == 0) return true;
  return !use.slices.none() && reply.ends_ms == lease_ends_ms(use.slices, reply.time);
}

// However late the answer is: the decisions' moment is that of the store, which lies inside the
// checks that still wait.
void Reserver::hand_out_bucket(CounterId id, Line& line, const ReserveAnswer& reply, Mono now) {
  Counter& counter = counters_[id];
  const LimitUse& use = *counter.use;
  Handout handout{reply, std::exchange(line.hand, {})};
  const std::int64_t in_hand =
      good_in_hand(line.hand_of.end_ms, handout.hand.permits(), reply.time);
  const std::int64_t charged = charged_permits(line.costs, in_hand, reply);
  books_.reserved(charged);
  const TokenBucket bucket{reply.bucket.full_us, reply.bucket.taken, use.fill_rate};
  if (counter.bucket == nullptr) counter.bucket = std::make_unique<KnownBucket>();
  counter.bucket->bucket = bucket;
  counter.bucket->told = now;
  counter.bucket->paused_until = keeper_.pause_of(counter, reply.time, now);
  if (charged > 0 && counter.use->limit->on_store_down != OnStoreDown::Allow) {
    std::int64_t& until_ms = shard_of(counter).knows_until_ms;
    until_ms = std::max(until_ms, full_at(bucket).us / 1000);
  }
  // What was heard of since it was asked for was not said.
  handout.kept = has_counted(decider_.state_of(counter, line.window, now)) &&
                 decider_.emptied_at(counter, now) <= line.emptied;
  handout.lost = WindowState::Telling;
  handout.bucket = bucket;
  handout.bucket->taken -= charged;  // before this reservation
  handout.held = decider_.held(counter, line.window, now) + in_hand;
  room_.end_reservation(line);
  const Hand unspent = hand_grants(counter, line, handout, now);
  if (!handout.kept) {
    books_.stranded(handout.hand.permits() + charged);
    return;
  }
  // What was not good any more is left of it, and is found to be over.
  take_back(counter, line, in_hand > 0 ? unspent : handout.hand, now);
  if (reply.leased > 0 && !line.slices_over) {
    keeper_.take_in(counter, slice_ending(use.slices, reply.ends_ms), {}, reply.leased, now);
  } else {
    books_.stranded(reply.leased);
  }
}

void Reserver::hand_out_window(CounterId id, Line& line, const ReserveAnswer& reply, Mono now) {
  Counter& counter = counters_[id];
  const Window window = line.window;
  Handout handout{reply, std::exchange(line.hand, {})};
  const std::int64_t in_hand = handout.hand.permits();
  const std::int64_t charged = charged_permits(line.costs, in_hand, reply);
  books_.reserved(charged);
  handout.kept = has_counted(decider_.state_of(counter, window, now));
  if (charged > 0 && lost_policy(*counter.use->limit) == OnStoreLost::Count) {
    std::int64_t& until_ms = shard_of(counter).knows_until_ms;
    until_ms = std::max(until_ms, window.end_ms);
  }
  if (handout.kept && !keeper_.charged(counter, window, charged, reply.counter, now)) {
    lost(counter, window);
    handout.kept = false;
  }
  const bool late = !line.costs.empty() && !inside(counter, window, now);
  Hand unspent = handout.hand;
  if (late) {
    ++stats_.late_answers;  // charged, and granted to nobody
    books_.stranded(charged);
    room_.due_again(line);
  } else {
    const std::int64_t counted = reply.counter - charged;  // before this reservation
    const Limit& limit = *counter.use->limit;
    // A counter that was lost, of a limit that fails open, has all of the limit beside what is
    // held.
    handout.left = std::min(limit.permits, limit.algorithm->standing(counted, limit.permits).left +
                                               in_hand + counter.pool.held(window));
    handout.reset_after_ms = decider_.reset_after_ms(counter, now);
    room_.end_reservation(line);
    unspent = hand_grants(counter, line, handout, now);
  }
  if (handout.kept) {
    keeper_.take_in(counter, window, unspent, late ? 0 : reply.leased, now);
  } else {
    books_.stranded(late ? in_hand : in_hand + charged);
  }
  if (!late && counter.use->leased) keeper_.attend(id, now);
}

// The counter is below what this host alone was charged.
void Reserver::lost(Counter& counter, const Window& window) {
  ++stats_.windows_lost;
  decider_.lose(counter, window);
}

// Each check that was asked for gets its answer, in order. Returns what is left of the hand, with
// what was granted to checks that nobody waits for any more.
Hand Reserver::hand_grants(Counter& counter, Line& line, Handout& handout, Mono now) {
  std::int64_t unclaimed = 0;
  const CostRuns costs = line.costs;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const std::int64_t granted = handout.reply.granted[i];
    for (std::int64_t n = 0; n < costs[i].count && !line.asked.empty(); ++n) {
      const CheckOf check{costs[i].cost, n < granted};
      const bool claimed = give_one(counter, line, check, handout, now);
      if (check.granted && !claimed) unclaimed += check.cost;
    }
  }
  room_.waiters().put_before(handout.again, line.due);
  Hand unspent = handout.hand.without(granted_permits(costs, handout.reply));
  // Shown, for they may have been: what was in hand is spent first.
  unspent.shown += unclaimed;
  return unspent;
}

// False where it was granted, and nobody wants it any more, but the pool may have it.
bool Reserver::give_one(Counter& counter, Line& line, const CheckOf& check, Handout& handout,
                        Mono now) {
  const auto [cost, granted] = check;
  const WaiterPlace first = line.asked.first;
  Waiter& waiter = room_.waiters()[first];
  const bool gone = waiter.gone;
  if (!granted && !gone && may_fit(counter, line, cost, handout, now)) {
    waiter.asked = false;
    waiter.asked_again = line.retried = true;
    room_.waiters().move(line.asked, first, handout.again);
    return true;
  }
  if ((!granted || !handout.kept) && !gone && counter.use->is_sub()) {
    leave(line.counter, line.asked, first, handout.kept);
    return true;
  }
  bool claimed = true;
  if (granted && handout.kept) {
    handout.left -= cost;
    if (handout.bucket) handout.bucket->taken += cost;
    if (gone && counter.use->leased && !handout.bucket) {
      claimed = false;
    } else if (gone) {
      books_.stranded(cost);
    } else {
      books_.spent(cost);
      if (counter.use->leased) keeper_.note_demand(counter, {cost, 1}, now);
    }
  }
  answer_one(counter, line, check, handout, now);
  return claimed;
}

// Whether a cost that was refused may be granted with the hand, which was not taken: the counter
// was thought to have enough.
bool Reserver::may_fit(const Counter& counter, const Line& line, std::int64_t cost,
                       const Handout& handout, Mono now) const {
  const std::int64_t left =
      handout.bucket ? handout.held + permits_in(*handout.bucket, burst_of(*counter.use->limit),
                                                 handout.reply.time)
                     : handout.left;
  return handout.kept && handout.hand.permits() == 0 && cost <= left &&
         decider_.held(counter, line.window, now) > 0 &&
         !room_.waiters()[line.asked.first].asked_again;
}

Prospect Reserver::prospect(const Counter& counter, std::int64_t cost, const Handout& handout,
                            Mono now) const {
  if (handout.bucket) {
    return decider_.prospect(counter, *handout.bucket, handout.held, cost, handout.reply.time, now);
  }
  return {handout.left, handout.reset_after_ms, handout.reset_after_ms};
}

void Reserver::answer_one(Counter& counter, Line& line, const CheckOf& check,
                          const Handout& handout, Mono now) {
  const WaiterPlace first = line.asked.first;
  CheckResult result;
  if (!room_.waiters()[first].gone) {
    result =
        handout.kept
            ? decider_.counted(counter, check.granted, prospect(counter, check.cost, handout, now))
            : decider_.deny_locally(counter, handout.lost, line.window, check.cost, now);
  }
  room_.answer(counter, line.asked, first, result);
}

void Reserver::put_hand_back(Counter& counter, Line& line, Mono now) {
  const Hand hand = std::exchange(line.hand, {});
  if (hand.permits() > 0) take_back(counter, line, hand, now);
}

void Reserver::take_back(Counter& counter, const Line& line, const Hand& unspent, Mono now) {
  if (line.slices_over) {
    books_.stranded(unspent.permits());
  } else {
    keeper_.take_in(counter, line.hand_of, unspent, 0, now);
  }
}

void Reserver::give_up_slices(CounterId id, Mono now) {
  Counter& counter = counters_[id];
  if (counter.use->slices.none()) return;
  keeper_.give_up(counter, now);
  if (counter.bucket != nullptr) counter.bucket->paused_until = {};
  Line* const line = counters_.line(counter);
  if (line != nullptr) line->slices_over = true;
}

const Limit* Reserver::failed(std::uint64_t reservation, Failure failure, Mono now) {
  Line* const line = under_way(reservation);
  if (line == nullptr) return nullptr;
  const CounterId id = line->counter;
  Counter& counter = counters_[id];
  put_hand_back(counter, *line, now);
  const Limit* told = nullptr;
  switch (failure) {
    case Failure::RefusedCall:
      line->alone = true;
      line->retried = true;
      room_.due_again(*line);
      break;
    case Failure::Unknown:
      line->retried = true;
      room_.due_again(*line);
      break;
    case Failure::Later:
      line->retried = true;
      room_.due_again(*line);
      alarms_.set(id, after(now, kLaterUs));
      room_.tidy(id);
      return nullptr;
    case Failure::LimitRefused:
      told = refuse_limit(*counter.use, now);
      [[fallthrough]];
    case Failure::CounterFailed:
    case Failure::StoreRefuses:
      room_.end_reservation(*line);
      room_.answer_all(counter, line->asked,
                       [&](std::int64_t cost) { return decider_.by_policy(counter, cost, now); });
      break;
  }
  serve(id, now);
  return told;
}

const Limit* Reserver::refuse_counter(CounterId id, Mono now) {
  Counter& counter = counters_[id];
  const Limit* const told = refuse_limit(*counter.use, now);
  serve(id, now);
  return told;
}

const Limit* Reserver::refuse_limit(LimitUse& use, Mono now) {
  // Its counters that were asked for at the same time are refused as well: all of them are one try.
  if (use.refusals == 0 || now >= use.refused_until) {
    const std::int64_t us = kRefusedUs << std::min<int>(use.refusals, kMostDoublings);
    use.refused_until = after(now, us / 2 + us / 2 * random_.of_1024() / 1024);
    if (use.refusals < UINT8_MAX) ++use.refusals;
  }
  if (use.refusal_told.us != INT64_MIN && now < after(use.refusal_told, kTellEveryUs)) {
    return nullptr;
  }
  use.refusal_told = now;
  return use.limit.get();
}

bool Reserver::asked_at(const Reservation& reservation, ShardId shard, bool is_untold, Mono now) {
  Line* const line = under_way(reservation.id);
  if (line == nullptr) return false;
  Counter& counter = counters_[line->counter];
  // It has not said of a bucket what is known to be lost by now.
  bool again =
      reservation.bucket && reservation.bucket->emptied < decider_.emptied_at(counter, now);
  // The counter may have been there when that was lost, whatever its own shard was told before.
  if (is_untold && decider_.is_retold(counter, line->window)) {
    again = again || line->hand.permits() > 0;
    put_hand_back(counter, *line, now);
    recounter_.lose(line->counter, now);
  }
  // There another clock tells when slices end.
  give_up_slices(line->counter, now);
  again = again || (line->slices_over && line->hand.permits() > 0);
  if (again || !has_counted(decider_.state_of(counter, line->window, now))) {
    failed(reservation.id, Failure::Unknown, now);
    return false;
  }
  const bool for_client = line->is_asked_for_client();
  if (for_client) shards_[line->shard.value].lines.answered(line->flow);
  line->shard = shard;
  if (for_client) room_.begin_reservation(*line);
  return true;
}

void Reserver::move(CounterId id, ShardId to, Mono now) {
  Counter& counter = counters_[id];
  Shard& from = shard_of(counter);
  room_.take_out(id);
  if (counter.unmeasured) std::erase(from.unmeasured, id);
  if (counter.lease_listed) std::erase(from.leases, id);
  counter.unmeasured = counter.lease_listed = false;
  counter.measurements = 0;
  keeper_.hide(counter, now);
  give_up_slices(id, now);
  counter.shard = to;
  Line* const line = counters_.line(counter);
  if (line != nullptr && shard_of(counter).health.is_away()) {
    room_.answer_all(counter, line->due,
                     [&](std::int64_t cost) { return decider_.by_policy(counter, cost, now); });
  }
  serve(id, now);
}

void Reserver::forget_under_way(ShardId shard, Mono now) {
  counters_.each_line([&](CounterId id, Line& line) {
    if (line.reservation == 0 || line.shard != shard) return;
    put_hand_back(counters_[id], line, now);
    room_.due_again(line);
    room_.queue(id);
    room_.tidy(id);
    keeper_.list(id);
  });
}

}  // namespace rategate
