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
  decider_.learn_block(counters_[id], reply.blocked_until_ms, now);
  if (reply.status == ReserveAnswer::Status::Blocked && counters_[id].use->blocks) {
    return hand_out_blocked(id, *line, reply, now);
  }
  if (reply.blocked_until_ms > 0) ++stats_.blocks_set;
  if (reply.status != ReserveAnswer::Status::Looked && is_grouped(*line)) {
    spare_all(counters_[id], *line);  // of another window by now
    return serve(id, now);
  }
  // What was in hand by another clock is worth nothing: whoever it was to pay is asked for again.
  const bool hand_is_over = line->slices_over && line->hand.permits() > 0;
  if (reply.status != ReserveAnswer::Status::Looked || !is_answer(*line, reply) || hand_is_over) {
    failed(reservation, Failure::Unknown, now);
    return;
  }
  counters_[id].use->refusals = 0;
  StoreTime& had_data = shards_[line->shard.value].had_data;
  had_data = std::max(had_data, reply.time);
  if (counters_[id].use->limit->algorithm->has_windows) {
    if (ask_for_mark(counters_[id], *line, reply, now)) return;
    hand_out_window(id, *line, reply, false, now);
  } else {
    hand_out_bucket(id, *line, reply, now);
  }
  serve(id, now);
}

// Nothing was looked at or granted: what was in hand comes back, and lies there.
void Reserver::hand_out_blocked(CounterId id, Line& line, const ReserveAnswer& reply, Mono now) {
  Counter& counter = counters_[id];
  counter.use->refusals = 0;
  put_hand_back(counter, line, now);
  room_.end_reservation(line);
  const CheckResult result = decider_.blocked_by_store(counter, reply, now);
  room_.answer_all(counter, line.asked, [&](const Ask&) { return result; });
  serve(id, now);
}

// Whether it was: the reservation stays under way until the mark is told.
bool Reserver::ask_for_mark(const Counter& counter, const Line& line, const ReserveAnswer& reply,
                            Mono now) {
  if (unexplained_.contains(line.reservation)) return true;
  const std::int64_t charged = charged_permits(line.costs, {}, line.hand.permits(), reply);
  if (!LeaseKeeper::is_unexplained(counter, line.window, charged, reply.counter) ||
      !has_counted(decider_.state_of(counter, line.window, now))) {
    return false;
  }
  Clear question;
  question.id = line.reservation;
  question.counter = counter.use->names.of(counter.key.view(), line.window.start_ms);
  unexplained_.emplace(line.reservation, Unexplained{reply, marks_.of(question.counter)});
  question.window = line.window;
  shards_[line.shard.value].clears.push_back(std::move(question));
  return true;
}

void Reserver::explained(std::uint64_t reservation, std::int64_t mark, Mono now) {
  auto found = unexplained_.extract(reservation);
  Line* const line = under_way(reservation);
  if (found.empty() || line == nullptr) return;
  const CounterId id = line->counter;
  const Counter& counter = counters_[id];
  const Window window = line->window;
  const std::string name = counter.use->names.of(counter.key.view(), window.start_ms);
  const bool anew = mark != 0 && mark != found.mapped().known;
  if (anew) {
    marks_.learn(name, mark, window.end_ms, found.mapped().answer.time.us / 1000);
    keeper_.restart_others(counter, window);
  }
  hand_out_window(id, *line, found.mapped().answer, anew, now);
  // By the mark's answer it may have been cleared once more.
  if (anew) counters_[id].pool.restart(window);
  serve(id, now);
}

// Whether it grants nothing that was not asked for, nor leases anything for longer.
bool Reserver::is_answer(const Line& line, const ReserveAnswer& reply) const {
  if (!is_answer_to(line.costs, bookings_of(line), reply)) return false;
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
  const std::int64_t charged = charged_permits(line.costs, bookings_of(line), in_hand, reply);
  books_.reserved(charged);
  const Bucket& bucket = reply.bucket;
  if (counter.bucket == nullptr) counter.bucket = std::make_unique<KnownBucket>();
  counter.bucket->bucket = bucket;
  counter.bucket->told = now;
  counter.bucket->told_at = reply.time;
  counter.bucket->paused_until = keeper_.pause_of(counter, reply.time, now);
  keeper_.end_denial(counter, now);
  if (charged > 0 && counter.use->limit->on_store_down != OnStoreDown::Allow) {
    std::int64_t& until_ms = shard_of(counter).knows_until_ms;
    until_ms = std::max(until_ms, full_at(bucket).us / 1000);
  }
  // What was heard of since it was asked for was not said.
  handout.kept = has_counted(decider_.state_of(counter, line.window, now)) &&
                 decider_.emptied_at(counter, now) <= line.emptied;
  handout.lost = WindowState::Telling;
  handout.bucket = bucket;
  // Before this reservation, but for what is booked, which others are behind.
  take(*handout.bucket, booked_permits(bookings_of(line), reply) - charged);
  handout.held = decider_.held(counter, line.window, now) + in_hand;
  room_.end_reservation(line);
  const Hand unspent = hand_grants(counter, line, handout, now);
  hand_bookings(counter, line, handout, now);
  park(line, handout.parking);
  if (!handout.kept) {
    books_.stranded(handout.hand.permits() + charged);
    return;
  }
  // What was not good any more is left of it, and is found to be over.
  take_back(counter, line, in_hand > 0 ? unspent : handout.hand, now);
  if (reply.leased > 0 && !line.slices_over) {
    keeper_.take_in(counter, slice_ending(use.slices, reply.ends_ms), {}, reply.leased, now);
    keeper_.attend(id, now);
  } else {
    books_.stranded(reply.leased);
    counter.bucket->loss.over(reply.leased, reply.leased, now, use.slices.slice_ms);
  }
  keeper_.tell_left_in_bucket(counter, now);
  keeper_.show_denial(counter, now);
}

void Reserver::hand_out_window(CounterId id, Line& line, const ReserveAnswer& reply, bool anew,
                               Mono now) {
  Counter& counter = counters_[id];
  const Window window = line.window;
  Handout handout{reply, std::exchange(line.hand, {})};
  const std::int64_t in_hand = handout.hand.permits();
  const std::int64_t charged = charged_permits(line.costs, {}, in_hand, reply);
  books_.reserved(charged);
  handout.kept = has_counted(decider_.state_of(counter, window, now));
  if (charged > 0 && lost_policy(*counter.use->limit) == OnStoreLost::Count) {
    std::int64_t& until_ms = shard_of(counter).knows_until_ms;
    until_ms = std::max(until_ms, window.end_ms);
  }
  if (handout.kept && !keeper_.charged(counter, window, charged, reply.counter, anew, now)) {
    lost(counter, window);
    handout.kept = false;
  }
  const bool late = !line.costs.empty() && !inside(counter, window, now);
  Hand unspent = handout.hand;
  std::int64_t leased = late ? 0 : reply.leased;
  if (late && charged == 0 && is_grouped(line)) {
    spare_all(counter, line);
  } else if (late) {
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
    park(line, handout.parking);
    leased = pay_parked_of(counter, line, leased, handout, now);
  }
  if (handout.kept) {
    keeper_.take_in(counter, window, unspent, leased, now);
  } else {
    books_.stranded(late ? in_hand : in_hand + charged);
  }
  if (!late) keeper_.attend(id, now);
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
      const bool claimed = give_one(counter, line, n < granted, handout, now);
      if (n < granted && !claimed) unclaimed += costs[i].cost;
    }
  }
  room_.waiters().put_before(handout.again, line.due);
  Hand unspent = handout.hand.without(granted_permits(costs, handout.reply));
  // Shown, for they may have been: what was in hand is spent first.
  unspent.shown += unclaimed;
  return unspent;
}

// False where it was granted, and nobody wants it any more, but the pool may have it.
bool Reserver::give_one(Counter& counter, Line& line, bool granted, Handout& handout, Mono now) {
  const WaiterPlace first = line.asked.first;
  Waiter& waiter = room_.waiters()[first];
  const Ask ask = waiter.ask;
  const bool gone = waiter.gone;
  // Nothing was to be taken for who only looks, and nothing is what the store has granted.
  if (!ask.takes) granted = ask.cost <= left_of(counter, handout);
  const bool may_go_on = !gone && !waiter.unwanted;
  if (!granted && may_go_on && may_fit(counter, line, ask, handout, now)) {
    waiter.asked = false;
    waiter.asked_again = line.retried = true;
    room_.waiters().move(line.asked, first, handout.again);
    return true;
  }
  if (!granted && may_go_on && is_spared(counter, waiter, handout)) {
    CheckResult spared;
    spared.spared = true;
    room_.answer(counter, line.asked, first, spared);
    return true;
  }
  if ((!granted || !handout.kept) && may_go_on && counter.use->is_sub()) {
    leave(line.counter, line.asked, first, handout.kept);
    return true;
  }
  bool claimed = true;
  if (granted && handout.kept && ask.takes) {
    handout.left -= ask.cost;
    if (handout.bucket) take(*handout.bucket, ask.cost);
    if (gone && counter.use->leased && !handout.bucket) {
      claimed = false;
    } else if (gone) {
      books_.stranded(ask.cost);
    } else {
      books_.spent(ask.cost);
      keeper_.note_spent(counter, {ask.cost, 1}, now);
    }
  }
  answer_one(counter, line, {ask, granted}, handout, now);
  return claimed;
}

// What the counter and the host have together, at the moment of the answer.
std::int64_t Reserver::left_of(const Counter& counter, const Handout& handout) {
  if (!handout.bucket) return handout.left;
  const std::int64_t burst = burst_of(*counter.use->limit);
  return handout.held + permits_in(*handout.bucket, burst, handout.reply.time);
}

// Whether it was refused for the sake of another one alone, together with which it was asked for.
bool Reserver::is_spared(const Counter& counter, const Waiter& waiter, const Handout& handout) {
  return waiter.group != 0 && handout.kept && waiter.ask.cost <= left_of(counter, handout);
}

// Whether a cost that was refused may be granted with the hand, which was not taken: the counter
// was thought to have enough.
bool Reserver::may_fit(const Counter& counter, const Line& line, const Ask& ask,
                       const Handout& handout, Mono now) const {
  return ask.takes && handout.kept && handout.hand.permits() == 0 &&
         ask.cost <= left_of(counter, handout) && decider_.held(counter, line.window, now) > 0 &&
         !room_.waiters()[line.asked.first].asked_again;
}

Prospect Reserver::prospect(const Counter& counter, std::int64_t cost, const Handout& handout,
                            Mono now) const {
  if (handout.bucket) {
    return decider_.prospect(counter, *handout.bucket, handout.held, cost, handout.reply.time, now);
  }
  return {handout.left, handout.reset_after_ms, handout.reset_after_ms};
}

void Reserver::answer_one(Counter& counter, Line& line, const AskOf& of, Handout& handout,
                          Mono now) {
  const WaiterPlace first = line.asked.first;
  if (room_.waiters()[first].gone) return room_.answer(counter, line.asked, first, {});
  if (handout.kept && of.granted && of.ask.taken() > 0 && !handout.bucket) {
    room_.answer(counter, line.asked, first, granted_as_before(counter, line, of, handout, now));
    return;
  }
  const CheckResult result =
      handout.kept ? granted(counter, line, of, handout, now)
                   : decider_.deny_locally(counter, handout.lost, line.window, of.ask.cost, now);
  answer_or_park(counter, line.asked, first, result, handout.parking, now);
}

// Of a window. Good until the next one is answered.
const CheckResult& Reserver::granted_as_before(const Counter& counter, const Line& line,
                                               const AskOf& of, Handout& handout, Mono now) const {
  if (!handout.told || handout.left < 0) {
    return handout.told.emplace(granted(counter, line, of, handout, now));
  }
  handout.told->decision.remaining = handout.left + counter.use->permits_after;
  return *handout.told;
}

// By the store's answer.
CheckResult Reserver::granted(const Counter& counter, const Line& line, const AskOf& of,
                              const Handout& handout, Mono now) const {
  CheckResult result =
      Decider::counted(counter, of.granted, prospect(counter, of.ask.cost, handout, now));
  decider_.wait_for_block(counter, result, now);
  if (of.granted && of.ask.taken() > 0) {
    result.decision.receipt = handout.bucket ? Decider::receipt_of(counter, handout.reply.time)
                                             : Decider::receipt_of(counter, line.window.end_ms);
  }
  return result;
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
  if (counter.use->limit->algorithm->has_windows) return;
  void_bookings(id, now);
  if (!counter.use->slices.none()) keeper_.give_up(counter, now);
  if (counter.bucket != nullptr) counter.bucket->paused_until = {};
  Line* const line = counters_.line(counter);
  if (line != nullptr) line->slices_over = true;
}

const Limit* Reserver::failed(std::uint64_t reservation, Failure failure, Mono now) {
  Line* const line = under_way(reservation);
  if (line == nullptr) return nullptr;
  const CounterId id = line->counter;
  Counter& counter = counters_[id];
  unexplained_.erase(reservation);
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
      if (line->acquire) line->acquire->asked_to_book.clear();
      for (Waiters::List* list :
           {&line->asked, line->acquire ? &line->acquire->booking : nullptr}) {
        if (list == nullptr) continue;
        room_.answer_all(counter, *list,
                         [&](const Ask& ask) { return decider_.by_policy(counter, ask, now); });
      }
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
                     [&](const Ask& ask) { return decider_.by_policy(counter, ask, now); });
  }
  serve(id, now);
}

void Reserver::forget_under_way(ShardId shard, Mono now) {
  counters_.each_line([&](CounterId id, Line& line) {
    if (line.reservation == 0 || line.shard != shard) return;
    unexplained_.erase(line.reservation);
    put_hand_back(counters_[id], line, now);
    room_.due_again(line);
    room_.queue(id);
    room_.tidy(id);
    keeper_.list(id);
  });
}

}  // namespace rategate
