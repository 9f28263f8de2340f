// What the store is asked for: reservations, composed when they can be written, of who waits then.
#include <algorithm>
#include <utility>

#include "daemon/core/lease.hpp"
#include "daemon/core/reserver.hpp"

namespace rategate {
namespace {

// Runs of equal costs in one reservation: what keeps a script call short.
constexpr std::size_t kMostRuns = 128;
// A lease of a quarter of what is left at most: so many have to be left for it to come whole.
constexpr std::int64_t kFullLeases = 4;

}  // namespace

bool Reserver::compose(ShardId shard_id, const Pull& pull, Mono now, Reservation& into) {
  if (is_amid_group()) {
    into = std::move(rest_of_group_.front());
    rest_of_group_.pop_front();
    return true;
  }
  Shard& shard = shards_[shard_id.value];
  if (pull.of == Pull::Of::Leases) return compose_next_lease(shard, pull, now, into);
  if (pull.of == Pull::Of::Aside) return compose_aside(shard, pull, now, into);
  LineQueue& queue = shard.lines;
  while (!queue.empty()) {
    const LineId next = pull.few > 0 ? queue.front_of_few(pull.few) : queue.front();
    if (next.is_none()) return false;
    const Line& line = counters_.lines()[next];
    const CounterId id = line.counter;
    const bool fits = !rides_alone(line) && group_size(line) <= pull.room;
    if (!fits && !pull.first) return false;
    if (pull.few > 0) {
      queue.remove(counters_.lines(), next);
    } else {
      queue.pop(counters_.lines());
    }
    const Composed composed = compose_line(id, pull, now, into);
    if (composed == Composed::Yes) return true;
    if (composed == Composed::TooLate && has_time(line, pull.least_left_idle_us, now)) {
      room_.set_aside(id);
    } else {
      room_.tidy(id);
    }
  }
  return false;
}

// Only the first of them is looked at, unless it is over for it: they have waited about as long,
// and with nothing under way each has its chance.
bool Reserver::compose_aside(Shard& shard, const Pull& pull, Mono now, Reservation& into) {
  while (!shard.aside.empty()) {
    Line& line = counters_.lines()[shard.aside.front()];
    const CounterId id = line.counter;
    const bool ready = has_time(line, pull.least_left_us, now);
    if (!ready && has_time(line, pull.least_left_idle_us, now)) return false;
    const bool fits = !rides_alone(line) && group_size(line) <= pull.room;
    if (ready && !fits && !pull.first) return false;
    shard.aside.pop(counters_.lines());
    line.aside = false;
    if (ready && compose_line(id, pull, now, into) == Composed::Yes) return true;
    room_.tidy(id);
  }
  return false;
}

// Whether one of those that are due has; who came last has most.
bool Reserver::has_time(const Line& line, std::int64_t least_us, Mono now) {
  return room_.waiters()[line.due.last].deadline.us - now.us >= least_us;
}

// What was refused before does not share a call.
bool Reserver::rides_alone(const Line& line) {
  return line.alone || counters_[line.counter].use->refusals > 0;
}

Reserver::Composed Reserver::compose_line(CounterId id, const Pull& pull, Mono now,
                                          Reservation& into) {
  // Decided when their events came; what has changed since is time.
  const auto window = decide_due(id, now);
  if (!window) return Composed::No;
  Counter& counter = counters_[id];
  Line& line = *counters_.line(counter);
  const WaiterPlace first = first_in_time(line, least_left_us(line, pull), now);
  if (!first.is_none() && room_.waiters()[first].group != 0) {
    return compose_group(id, first, pull, now, into);
  }
  into.costs.clear();
  into.bookings.clear();
  const Costs costs = take_costs(counter, line, pull, now, into);
  if (into.costs.empty() && into.bookings.empty()) return Composed::TooLate;
  const bool renews = counter.renew;
  begin(id, *window, now, into);
  into.alone = rides_alone(line);
  // Who only looks is no reason for a lease, and what is booked is there for nobody else.
  if ((costs.sum > 0 || renews) && into.bookings.empty()) {
    put_ahead(into, keeper_.lease_for(counter, *window, costs.demand, now));
  } else {
    into.lease = 0;
  }
  if (line.acquire && !into.bucket) {
    into.lease = std::max(into.lease, std::min(line.acquire->parked_permits, kMaxPermits));
  }
  put_in_hand(counter, line, costs, now, into);
  line.costs = into.costs;
  if (line.acquire) line.acquire->asked_to_book = into.bookings;
  line.alone = line.retried = false;
  room_.begin_reservation(line);
  return Composed::Yes;
}

// All that the pool holds, or nothing: where the counter is known to have enough for all of them
// the pool is left to its clients, and so it is where both together are known to have too little.
void Reserver::put_in_hand(Counter& counter, Line& line, const Costs& costs, Mono now,
                           Reservation& into) {
  const Window& window = line.window;
  const Limit& limit = *counter.use->limit;
  const std::int64_t held = decider_.held(counter, window, now);
  const std::int64_t left = limit.algorithm->has_windows ? counter.pool.left(window, limit.permits)
                                                         : decider_.left_in_bucket(counter, now);
  if (held == 0) return;
  // What is refused for want of it would block the key.
  if (!counter.use->blocks) {
    if (costs.sum + kFullLeases * into.lease <= left) return;
    if (costs.cheapest > held + left) return;
  }
  if (into.bucket) {
    line.hand = keeper_.take_hand_of_slices(counter, costs.sum - left, now, line.hand_of);
    into.bucket->hand_ends_ms = line.hand_of.end_ms;
  } else {
    line.hand = keeper_.take_hand(counter, window, now);
    line.hand_of = window;
  }
  into.in_hand = line.hand.permits();
}

// Those that can still use an answer, in order, from the line's due into its asked.
Reserver::Costs Reserver::take_costs(const Counter& counter, Line& line, const Pull& pull, Mono now,
                                     Reservation& into) {
  CostRuns& costs = into.costs;
  const std::int64_t least = least_left_us(line, pull);
  Costs taken;
  Waiters::List run;  // of those that are taken, not moved yet
  const auto move_run = [&] {
    if (!run.empty()) room_.waiters().move_run(line.due, std::exchange(run, {}), line.asked);
  };
  for (WaiterPlace at = line.due.first; !at.is_none();) {
    Waiter& waiter = room_.waiters()[at];
    const WaiterPlace place = std::exchange(at, waiter.next);
    if (waiter.group != 0) {
      // Nobody passes those that are decided together, or they might never find all of theirs free.
      if (waiter.deadline.us - now.us >= least) break;
      move_run();
      continue;
    }
    if (waiter.deadline.us - now.us < least && !give_time(place, now)) {
      move_run();
      continue;
    }
    const std::size_t runs = costs.size() + into.bookings.size();
    if (waiter.stands == Stands::Asking && books(counter, WindowState::Open)) {
      move_run();
      if (runs == kMostRuns) break;
      take_booking(counter, line, place, now, into);
      continue;
    }
    const std::int64_t cost = waiter.ask.taken();
    if (costs.empty() || costs.back().cost != cost) {
      if (runs == kMostRuns) break;
      costs.push_back({cost, 0});
    }
    ++costs.back().count;
    taken.sum = std::min(taken.sum + cost, kMaxPermits);
    if (LeaseKeeper::is_demand(*counter.use->limit, cost)) {
      taken.demand = std::min(taken.demand + cost, kMaxPermits);
    }
    if (waiter.ask.takes) taken.cheapest = std::min(taken.cheapest, cost);
    waiter.asked = waiter.ever_asked = true;
    if (run.empty()) run.first = place;
    run.last = place;
  }
  move_run();
  return taken;
}

bool Reserver::compose_next_lease(Shard& shard, const Pull& pull, Mono now, Reservation& into) {
  while (!shard.leases.empty()) {
    const CounterId id = shard.leases.front();
    // What was refused before rides alone.
    if (counters_[id].use->refusals > 0 && !pull.first) return false;
    shard.leases.pop_front();
    counters_[id].lease_listed = false;
    if (compose_lease(id, now, into)) return true;
  }
  return false;
}

bool Reserver::compose_lease(CounterId id, Mono now, Reservation& into) {
  Counter& counter = counters_[id];
  const Line* const line = counters_.line(counter);
  if (!counter.live || counter.clearing || (line != nullptr && line->busy())) return false;
  if (decider_.may_be_blocked(counter, now) != nullptr) {
    counter.renew = counter.renew_next = false;
    return false;
  }
  auto wanted = keeper_.wanted(id, now);
  if (counter.confirm && !wanted) wanted = LeaseKeeper::Wanted{kBucketWindow};
  counter.confirm = false;
  if (!wanted) return false;
  into.costs.clear();
  into.bookings.clear();
  begin(id, wanted->window, now, into);
  into.alone = counter.use->refusals > 0;
  put_ahead(into, *wanted);
  counters_.line(counter)->costs.clear();
  return true;
}

void Reserver::put_ahead(Reservation& into, const LeaseKeeper::Wanted& wanted) {
  into.lease = wanted.permits;
  if (into.bucket) into.bucket->raisable = wanted.raisable;
}

void Reserver::begin(CounterId id, const Window& window, Mono now, Reservation& into) {
  Counter& counter = counters_[id];
  const Limit& limit = *counter.use->limit;
  const Shard& shard = shard_of(counter);
  const std::int64_t bound_ms = shard.clock.options().max_error_us / 1000;
  // The counter's number comes back with the answer, so that it is found without a search.
  into.id = (std::uint64_t{id.value} << 32) | (++last_reservation_ & 0x7fff'ffffU) | 0x8000'0000U;
  into.counter = counter.use->names.of(counter.key.view(), window.start_ms);
  into.window = window;
  into.limit = limit.permits;
  into.algorithm = limit.algorithm;
  into.ahead_ms = bound_ms;
  if (const auto reading = shard.clock.read(now)) {
    into.ahead_ms += std::max<std::int64_t>(0, window.start_ms - reading->earliest.us / 1000);
  }
  // By no more than other hosts reckon with.
  into.ahead_ms = std::min(into.ahead_ms, longest_lead_us(limit.period_ms) / 1000);
  into.expire_at_ms = shard.expire_at_ms(window);
  if (limit.algorithm->has_windows) {
    into.names_base =
        limit.on_store_down != OnStoreDown::Allow && decider_.is_retold(counter, window);
  } else {
    into.bucket = decider_.asked_of_bucket(counter, now);
  }
  into.block.reset();
  if (counter.use->blocks) {
    into.block = BlockAsked{counter.use->names.block_of(counter.key.view()), limit.block_for_ms};
  }
  into.in_hand = 0;
  into.group = 0;
  into.known = 0;
  counter.renew = counter.renew_next = false;
  Line& line = counters_.make_line(id);
  line.reservation = into.id;
  line.shard = counter.shard;
  line.window = window;
  line.slices_over = false;
  line.emptied = into.bucket ? into.bucket->emptied : StoreTime{};
  if (line.acquire) line.acquire->asked_to_book.clear();
  ++stats_.reservations;
}

}  // namespace rategate
