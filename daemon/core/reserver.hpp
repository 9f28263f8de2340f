// What is asked of the store for the checks that wait, and what its answers mean for them.
//
// A line that waits goes one way: at each event (a check joins, an answer, a measurement, its
// window opens) everything that needs no store is decided (serve()); what is left stands in the
// shard's queue, until a reservation is composed of it at the moment when that can be written
// (compose()). Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "daemon/core/alarms.hpp"
#include "daemon/core/clear_marks.hpp"
#include "daemon/core/counters.hpp"
#include "daemon/core/decider.hpp"
#include "daemon/core/lease_keeper.hpp"
#include "daemon/core/recounter.hpp"
#include "daemon/core/shard.hpp"
#include "daemon/core/waiting_room.hpp"
#include "daemon/limit/reservation.hpp"

namespace rategate {

// Which reservation is pulled.
struct Pull {
  enum class Of : std::uint8_t {
    Lines,   // for checks that wait
    Leases,  // for a counter that wants a lease, and has no check waiting
    Aside,   // for checks that had too little time left when it was their turn
  };
  Of of = Of::Lines;
  // Not 0: only of clients that want so many counters at most, the least of all first.
  std::size_t few = 0;
  bool first = true;  // of a call: one that must ride alone may come
  // Checks with less time left are not asked for now, as the answer would come too late.
  std::int64_t least_left_us = 0;
  std::int64_t least_left_retried_us = 0;  // the same where a refusal took them a round trip
  std::int64_t least_left_idle_us = 0;     // the same while nothing is under way: the least of all
  // So many more reservations the call has room for; where it is the first, any number may come
  // that is decided together.
  std::size_t room = SIZE_MAX;
};

// Why a reservation has granted nothing.
enum class Failure : std::uint8_t {
  Unknown,        // nobody knows whether it was made; asked again, charged twice at worst
  RefusedCall,    // the call was refused before it ran; asked again in a call of its own
  LimitRefused,   // refused although it was alone: the limit's counters are not to be asked for now
  CounterFailed,  // the counter cannot be used; its checks are answered by policy
  StoreRefuses,   // nothing is reserved for anybody now; answered by policy
  Later,          // nothing was reserved, as the counter is on its way; asked again a little later
};

class Reserver {
 public:
  Reserver(Counters& counters, std::vector<Shard>& shards, Alarms& alarms, WaitingRoom& room,
           LeaseKeeper& keeper, Recounter& recounter, Decider& decider, ClearMarks& marks,
           Books& books, GateStats& stats, std::uint64_t seed);

  // What this host knows of a check by itself: the pool pays it, or nothing can. `state` is the
  // window's. Nothing where only the store can tell.
  std::optional<CheckResult> decide_here(CounterId id, const Window& window, WindowState state,
                                         const Ask& ask, Mono now);
  // Whether it is known here, and not only in the store, that what the pool does not pay is not to
  // be had.
  bool denies(const Counter& counter, WindowState state, const Window& window, std::int64_t cost,
              Mono now) const;
  // Decides what can be decided for who waits at the counter; the rest is queued, waits until the
  // window opens, or for a measurement. To be called at each event of the counter.
  void serve(CounterId id, Mono now);

  // ---- Those in ACQUIRE: docs/waiting.md.

  // Whether the store is asked for some, or is to be, so that who comes stands behind them.
  bool is_acquiring(const Counter& counter) const {
    const Line* const line = counters_.line(counter);
    return line != nullptr && line->acquire && line->acquire->asking > 0;
  }
  // One that has just come, which is behind others; nothing where there are none.
  std::optional<CheckResult> stand_behind(CounterId id, const Request& request, Mono now);
  // The same of one that would be denied, by what is known here; nothing where it is to be denied.
  std::optional<CheckResult> park_new(CounterId id, const Request& request,
                                      const CheckResult& denied, Mono now);
  // Whether permits are to be booked for one whom the counter cannot pay now.
  static bool books(const Counter& counter, WindowState state);
  // What is booked of the counter is worth nothing any more, or there may be more than that: who
  // waits is asked for again.
  void void_bookings(CounterId id, Mono now);
  // All of them are answered.
  template <class Result>
  void answer_acquirers(const Result& result) {
    counters_.each_line([&](CounterId id, Line& line) { answer_acquirers(id, line, result); });
  }
  // Those of limits that were dropped.
  void deny_acquirers_of_dropped(Mono now);

  // The next reservation of the shard, of that kind. False where there is none that may be asked
  // for now. Costs nothing but what is in it.
  bool compose(ShardId shard, const Pull& pull, Mono now, Reservation& into);

  // ---- Those that are decided together: docs/combined.md.

  // Those members of that combined check are to be asked for by one call. They wait, each for a
  // counter of its own, and the counters' names are different ones of one slot.
  void group(std::uint64_t check, std::vector<WaiterId> members);
  // The check is over: who stands behind its members need not wait for them.
  void ungroup(std::uint64_t check);
  // One of its members is answered, and others still wait: they are looked at again.
  void queue_group(std::uint64_t check);
  // compose() has begun with some that are decided together: the others come next, whatever is
  // pulled, and belong into the same call.
  bool is_amid_group() const { return !rest_of_group_.empty(); }

  // The store's answers, by the id of the reservation. One that is not under way is passed over.
  void answered(std::uint64_t id, const ReserveAnswer& answer, Mono now);
  // The answer to it showed a counter lower than this host has taken, so that the counter's mark
  // was asked for: that is it, 0 for none. A new one says that it was cleared; else it was lost.
  void explained(std::uint64_t id, std::int64_t mark, Mono now);
  // Answers the limit where it is refused and that is worth telling (not told for a while), else
  // null.
  const Limit* failed(std::uint64_t id, Failure failure, Mono now);
  // The store takes nothing of that counter now, so that its limit is not to be asked for: checks
  // that wait are answered by policy. Answers as failed() does.
  const Limit* refuse_counter(CounterId id, Mono now);
  // The reservation is asked of that shard from now on. False where it is not under way any more,
  // or its window is lost as is known by now, by which its checks are decided anew. `is_untold`:
  // that shard has lost something lately, and this host may have to tell what it knows of the
  // counter.
  bool asked_at(const Reservation& reservation, ShardId shard, bool is_untold, Mono now);
  // The clock by which slices end that are leased of the counter, a bucket, is another one: what is
  // held of them is given up, and what was asked for by it is good for who waits alone.
  void give_up_slices(CounterId id, Mono now);
  // The counter is in that shard from now on.
  void move(CounterId id, ShardId to, Mono now);
  static bool pays(const Counter& counter, WindowState state, const Window& window,
                   std::int64_t cost);
  // Of a limit that is spread: a check, the last one that came, to which one of its counters has
  // nothing to give, and that stands in no line until go_on() has put it into that of another one;
  // none: there is none.
  WaiterPlace going_on();
  void go_on(WaiterPlace waiter, CounterId to, Mono now);
  // The same of one that is due where nobody has denied it.
  void go_elsewhere(WaiterPlace waiter, CounterId to, Mono now);
  // Or that there is no other one which has.
  void deny_going_on(WaiterPlace waiter, Mono now);
  // Of all that was under way in the shard nobody knows whether it was made.
  void forget_under_way(ShardId shard, Mono now);
  // All who wait in the shard are answered.
  template <class Result>
  void answer_all(ShardId shard, const Result& result) {
    counters_.each_line([&](CounterId id, Line& line) {
      const Counter& counter = counters_[id];
      if (counter.shard != shard) return;
      room_.answer_all(counter, line.due, [&](const Ask& ask) { return result(counter, ask); });
      room_.tidy(id);
    });
  }
  // The clock was measured: those that waited for it go on.
  void measured(ShardId shard, Mono now);

 private:
  std::optional<Window> decide_due(CounterId id, Mono now);
  struct Handout;
  // Those in ACQUIRE that would be denied, in order, and are to be asked for again.
  struct Parking {
    Waiters::List list{};
    Mono wakes;
  };
  void decide_in_order(CounterId id, Line& line, const Window& window, WindowState state, Mono now);
  void park(Line& line, Parking& parking);
  void answer_or_park(const Counter& counter, Waiters::List& list, WaiterPlace place,
                      const CheckResult& result, Parking& parking, Mono now);
  std::optional<Mono> wakes_at(const Counter& counter, Mono patience, const CheckResult& denied,
                               Mono now);
  void attend_acquirers(CounterId id, Mono now);
  void park_due(Line& line, Mono wakes);
  void pay_parked(CounterId id, Line& line, Mono now);
  std::int64_t pay_parked_of(Counter& counter, Line& line, std::int64_t permits, Handout& handout,
                             Mono now);
  void tell_booked(CounterId id, Line& line, Mono now);
  void tell_one(Counter& counter, Line& line, const Booking& booking, Mono now);
  void confirm(CounterId id, Line& line, Mono now);
  void hand_bookings(Counter& counter, Line& line, Handout& handout, Mono now);
  static std::span<const BookingAsked> bookings_of(const Line& line);
  void strand_bookings(AcquireLine& those);
  template <class Result>
  void answer_acquirers(CounterId id, Line& line, const Result& result) {
    if (!line.acquire) return;
    strand_bookings(*line.acquire);
    room_.answer_all(counters_[id], line.acquire->parked, result);
    room_.answer_all(counters_[id], line.acquire->booked, result);
    room_.tidy(id);
  }
  bool give_time(WaiterPlace place, Mono now);
  void take_booking(const Counter& counter, Line& line, WaiterPlace place, Mono now,
                    Reservation& into);
  // Of a limit that is not leased somebody in ACQUIRE may have left some.
  static bool has_pool(const Counter& counter, const Window& window) {
    return counter.use->leased || counter.pool.held(window) > 0;
  }
  // `is_known`: what the counter has, or that it does not matter.
  void leave(CounterId id, Waiters::List& list, WaiterPlace place, bool is_known);
  bool measure_first(CounterId id, Line& line, Mono now);
  enum class Composed : std::uint8_t { Yes, No, TooLate };
  enum class GroupState : std::uint8_t {
    Ready,
    Waits,   // for one of its counters, by which it is looked at again
    Broken,  // it is none: its members are asked for one by one
  };
  // One of its members is asked for: of which counter, in which window, and who waits.
  struct GroupMember {
    CounterId counter;
    Window window;
    std::vector<WaiterPlace> waiters;  // of each check, in order
  };
  bool is_grouped(const Line& line);
  void spare_all(const Counter& counter, Line& line);
  std::size_t group_size(const Line& line);
  GroupState group_state(std::uint64_t check, Mono now, std::vector<GroupMember>& into);
  void break_up(std::uint64_t check);
  bool add_to_batch(const Waiter& lead, const Pull& pull, Mono now,
                    std::vector<GroupMember>& members);
  Composed compose_group(CounterId id, WaiterPlace lead, const Pull& pull, Mono now,
                         Reservation& into);
  Reservation begin_member(const GroupMember& member, Mono now);
  Composed compose_line(CounterId id, const Pull& pull, Mono now, Reservation& into);
  bool compose_next_lease(Shard& shard, const Pull& pull, Mono now, Reservation& into);
  bool compose_aside(Shard& shard, const Pull& pull, Mono now, Reservation& into);
  bool has_time(const Line& line, std::int64_t least_us, Mono now);
  static std::int64_t least_left_us(const Line& line, const Pull& pull);
  WaiterPlace first_in_time(const Line& line, std::int64_t least_us, Mono now);
  bool rides_alone(const Line& line);
  bool compose_lease(CounterId id, Mono now, Reservation& into);
  // What the checks of a reservation cost.
  struct Costs {
    std::int64_t sum = 0;     // at most kMaxPermits, like the next one
    std::int64_t demand = 0;  // of those that are demand for leases
    std::int64_t cheapest = kMaxPermits;
  };
  Costs take_costs(const Counter& counter, Line& line, const Pull& pull, Mono now,
                   Reservation& into);
  void put_in_hand(Counter& counter, Line& line, const Costs& costs, Mono now, Reservation& into);
  static void put_ahead(Reservation& into, const LeaseKeeper::Wanted& wanted);
  void begin(CounterId id, const Window& window, Mono now, Reservation& into);
  Line* under_way(std::uint64_t reservation);
  bool inside(Counter& counter, const Window& window, Mono now);
  // An answer to a line, while it is handed out.
  struct Handout {
    const ReserveAnswer& reply;
    Hand hand;                             // what the line had in hand
    bool kept = true;                      // else the window is lost ...
    WindowState lost = WindowState::Lost;  // ... or not known to be, of a bucket
    std::int64_t left = 0;  // permits that this host could still have, this far in the answer
    std::int64_t reset_after_ms = 0;  // from now on: the same for all of them
    // What who took something was told last: the next one is told the same, but for what is left.
    std::optional<CheckResult> told{};
    // Of a bucket, in place of those two: what it was, this far, and what the host held.
    std::optional<Bucket> bucket{};
    std::int64_t held = 0;
    Waiters::List again{};  // those that are asked for once more
    Parking parking{};
  };
  Hand hand_grants(Counter& counter, Line& line, Handout& handout, Mono now);
  // One of the line's checks, and whether it was granted.
  struct AskOf {
    Ask ask;
    bool granted;
  };
  bool is_in_pool(CounterId id, const Window& window, const Ask& ask, Mono now);
  bool give_one(Counter& counter, Line& line, bool granted, Handout& handout, Mono now);
  static std::int64_t left_of(const Counter& counter, const Handout& handout);
  static bool is_spared(const Counter& counter, const Waiter& waiter, const Handout& handout);
  bool is_answer(const Line& line, const ReserveAnswer& reply) const;
  bool may_fit(const Counter& counter, const Line& line, const Ask& ask, const Handout& handout,
               Mono now) const;
  void answer_one(Counter& counter, Line& line, const AskOf& of, Handout& handout, Mono now);
  CheckResult granted(const Counter& counter, const Line& line, const AskOf& of,
                      const Handout& handout, Mono now) const;
  const CheckResult& granted_as_before(const Counter& counter, const Line& line, const AskOf& of,
                                       Handout& handout, Mono now) const;
  Prospect prospect(const Counter& counter, std::int64_t cost, const Handout& handout,
                    Mono now) const;
  bool ask_for_mark(const Counter& counter, const Line& line, const ReserveAnswer& reply, Mono now);
  void hand_out_blocked(CounterId id, Line& line, const ReserveAnswer& reply, Mono now);
  void hand_out_window(CounterId id, Line& line, const ReserveAnswer& reply, bool anew, Mono now);
  void hand_out_bucket(CounterId id, Line& line, const ReserveAnswer& reply, Mono now);
  void put_hand_back(Counter& counter, Line& line, Mono now);
  void take_back(Counter& counter, const Line& line, const Hand& unspent, Mono now);
  void lost(Counter& counter, const Window& window);
  const Limit* refuse_limit(LimitUse& use, Mono now);
  Shard& shard_of(const Counter& counter) { return shards_[counter.shard.value]; }

  Counters& counters_;
  std::vector<Shard>& shards_;
  Alarms& alarms_;
  WaitingRoom& room_;
  LeaseKeeper& keeper_;
  Recounter& recounter_;
  Decider& decider_;
  ClearMarks& marks_;
  Books& books_;
  GateStats& stats_;
  Random random_;
  std::vector<CounterId> left_;  // from whose lines some go on
  // Answers to reservations that are under way until the counter's mark is told.
  struct Unexplained {
    ReserveAnswer answer;
    std::int64_t known;  // which mark was known when it was asked for
  };
  std::unordered_map<std::uint64_t, Unexplained> unexplained_;
  // By the number of the check: who waits for its members, and before which counters.
  struct Group {
    std::vector<WaiterId> members;
    std::vector<CounterId> counters;
  };
  std::unordered_map<std::uint64_t, Group> groups_;
  std::deque<Reservation> rest_of_group_;
  std::uint64_t last_reservation_ = 0;
};

}  // namespace rategate
