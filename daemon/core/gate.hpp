// The gate: every check goes through it. It decides what it can from what this host knows, makes
// the others wait, and turns those into as few reservations as it can. Events and time come in,
// decisions and reservations go out; whoever drives it owns the store, the clock and the timer.
//
// A waiting check ends in exactly one answer, at the latest at its deadline, unless it is
// abandoned. Permits are given out only for a reservation that the store has answered, inside the
// window it was made for.
//
// Limits that are leased have permits reserved ahead of their checks: docs/leases.md has the
// states, the sizes and why nothing over-admits. Where there is a shared segment, their pools lie
// in it, and clients spend from them without the gate.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <queue>
#include <string_view>
#include <vector>

#include "daemon/core/counters.hpp"
#include "daemon/core/store_clock.hpp"
#include "daemon/core/waiters.hpp"
#include "daemon/limit/decision.hpp"
#include "daemon/limit/limit_table.hpp"
#include "daemon/limit/reservation.hpp"

namespace rategate {

// How a check ended.
enum class Verdict : std::uint8_t {
  Decided,    // the decision says it
  StoreDown,  // on_store_down = "error"
  Stopping,   // the daemon stops, and gave up waiting
};

struct CheckResult {
  bool waits = false;
  Verdict verdict = Verdict::Decided;  // when it does not wait
  Decision decision;                   // when decided
  WaiterId waiter;                     // when it waits, for abandon()
};

struct Answer {
  std::uint64_t ticket = 0;
  Verdict verdict = Verdict::Decided;
  Decision decision;
  LimitPtr limit;  // with StoreDown only, which names it
};

struct GateStats {
  std::uint64_t checks = 0;
  std::uint64_t allowed = 0;         // counted in the store
  std::uint64_t denied = 0;          // over the limit
  std::uint64_t denied_locally = 0;  // of those, without asking the store
  std::uint64_t never_fits = 0;
  std::uint64_t clock_not_trusted = 0;
  std::uint64_t lost_denied = 0;  // in a window whose count the store has lost
  std::uint64_t store_down_denied = 0;
  std::uint64_t store_down_allowed = 0;
  std::uint64_t store_down_errors = 0;
  std::uint64_t reservations = 0;
  std::uint64_t late_answers = 0;  // of reservations whose window was over
  std::uint64_t windows_lost = 0;

  // Permits.
  std::int64_t reserved = 0;  // by answers that came in; = spent + released + stranded + held
  std::int64_t spent = 0;     // by checks that came to the daemon
  std::int64_t shared = 0;    // by clients, in shared memory
  std::int64_t released = 0;
  std::int64_t stranded = 0;
  std::uint64_t nudges = 0;
  std::uint64_t forged = 0;      // shared words that held what was never put there
  std::uint64_t table_full = 0;  // pools that found no slot
};

// Whether the store can be asked.
enum class StoreHealth : std::uint8_t {
  Connecting,  // it may be there in a moment: checks wait
  Up,
  Away,  // checks are answered by on_store_down at once
};

class Gate {
 public:
  struct Options {
    std::int64_t command_timeout_us = 250'000;  // the longest a check waits
    StoreClock::Options clock;
    HashSeed seed;
    std::uint64_t jitter_seed = 1;
  };

  // `shared` may be null, and outlives the gate.
  explicit Gate(const Options& options, SharedPools* shared = nullptr);

  // Costs are 1 to kMaxPermits, keys at most kMaxKeyBytes. `ticket` comes back in the answer.
  CheckResult check(const LimitUsePtr& limit, std::string_view key, std::int64_t cost,
                    std::uint64_t ticket, Mono now);
  // Up to `count` more checks just like one that check() has decided at this same moment, in one
  // step. Returns how many have got that verdict; the others are to be asked one by one.
  std::int64_t repeat(const LimitUsePtr& limit, std::string_view key, std::int64_t cost,
                      const Decision& decided, std::int64_t count, Mono now);
  // Somebody is attached: from now on the pools of leased limits get a slot in the segment.
  void share() { sharing_ = shared_ != nullptr; }
  // A client says that the pool in that slot is low. Any number may come.
  void nudged(std::uint32_t slot, Mono now);
  // Books what clients have spent by now. Costs a look at each pool.
  void look_at_pools(Mono now);
  // After LimitTable::configure(): what is held for limits that were dropped is given up.
  void drop_limits(Mono now);

  // Its asker has gone: what was not yet asked of the store for it is not asked.
  void abandon(WaiterId waiter);

  // The store's events.
  StoreClock::Measured measured(Mono sent, Mono received, StoreTime time);
  void answered(std::uint64_t reservation, const ReserveAnswer& answer, Mono now);
  // It will not be answered, or by an error: nothing is granted. `retry` asks again.
  void failed(std::uint64_t reservation, bool retry, Mono now);
  void store_connecting();  // all that was under way is unknown, and is asked again
  void store_up();
  void store_away(Mono now);
  // Another primary, or the same one restarted: its clock and counters are not the ones known.
  void store_replaced();
  // After the first measurement of such a store: the windows that are open now are lost.
  void lose_open_windows(Mono now);
  // Every waiting check is answered `Stopping`, and so is every one to come. Stock is released.
  void stop();

  // Deadlines, parked lines, reservations. To be called after events, and at next_turn().
  void turn(Mono now);
  Mono next_turn() const;

  // What came of it; to be taken after every call above.
  std::vector<Answer>& answers() { return answers_; }
  std::vector<Reservation>& reservations() { return reservations_; }
  std::vector<Release>& releases() { return releases_; }
  bool take_measure_wanted();

  StoreHealth store() const { return store_; }
  const GateStats& stats() const { return stats_; }
  const StoreClock& clock() const { return clock_; }
  std::size_t waiting() const { return waiters_.count(); }
  std::size_t counters() const { return counters_.size(); }
  std::int64_t held() const;  // permits in all pools, as of the last look at each
  void set_command_timeout(std::int64_t us) { options_.command_timeout_us = us; }

  // Forgets the counters whose windows are over.
  void sweep(Mono now);

 private:
  struct Wake {
    Mono at;
    std::uint32_t slot;
    bool operator>(const Wake& other) const { return at > other.at; }
  };

  bool may_forget(Counter& counter, bool crowded, Mono now);
  bool usable(const ClockReading& reading, const Limit& limit) const;
  Placed placed(LimitUse& use, const ClockReading& reading) const;
  bool inside(const Window& window, LimitUse& use, Mono now) const;
  std::uint32_t slot_of(const LimitUsePtr& use, std::string_view key, Mono now);
  std::int64_t with_drift(std::int64_t us) const;
  Pool::State local_state(const Counter& counter, const Window& window) const;
  void list_due(std::uint32_t slot);
  void expire(std::uint32_t slot, Mono now);
  void ask(std::uint32_t slot, Mono now);
  void ask_for_lease(std::uint32_t slot, const Placed& placed, Mono now);
  void compose(std::uint32_t slot, const Window& window, std::int64_t lease, Mono now);
  void again(std::uint32_t slot);
  Waiting* under_way(std::uint64_t reservation);

  // Leases: gate_lease.cpp.
  void share_pool(std::uint32_t slot, std::int64_t over_ms, Mono now);
  void let_go(Counter& counter);
  bool spend(std::uint32_t slot, const Window& window, std::int64_t cost, Mono now);
  void note_spent(Counter& counter, std::int64_t permits, Mono now);
  void settle(Counter& counter, PoolTally& tally, Mono now);
  void look(Counter& counter, Mono now);
  std::int64_t lease_for(Counter& counter, const Window& window, Mono now);
  void add_lease(Counter& counter, const Window& window, std::int64_t permits, Mono now);
  void watch_level(std::uint32_t slot, const Window& window, Mono now);
  void wake_at(std::uint32_t slot, Mono at);
  void attend(std::uint32_t slot, Mono now);
  void attend_next_window(std::uint32_t slot, const Placed& placed, Mono now);
  void attend_long_window(std::uint32_t slot, const Placed& placed, Mono now);
  void release_stock(Counter& counter, const Window& window);
  void publish_clock(Mono now, bool anew);
  std::int64_t jitter();

  Decision decide(LimitUse& use, Reason reason, bool allowed, std::int64_t remaining,
                  Mono now) const;
  CheckResult by_policy(LimitUse& use, Mono now);
  CheckResult deny_locally(Counter& counter, Pool::State state, const Window& window, Mono now);
  CheckResult deny_untrusted(LimitUse& use, Mono now);
  CheckResult allow_from_pool(Counter& counter, const Window& window, Mono now);
  void count(LimitUse& use, const Decision& decision);
  void hand_out(const Counter& counter, std::uint64_t ticket, const CheckResult& result);
  void answer(Counter& counter, Waiters::Line& line, std::uint32_t slot, const CheckResult&);
  template <class Result>
  void answer_all(Counter& counter, Waiters::Line& line, const Result& result);

  Options options_;
  SharedPools* shared_;
  bool sharing_ = false;
  StoreClock clock_;
  std::int64_t round_trip_us_ = 1000;  // smoothed
  Mono clock_published_{INT64_MIN};
  std::int64_t published_error_us_ = 0;
  std::uint64_t random_;
  StoreHealth store_ = StoreHealth::Connecting;
  bool stopping_ = false;
  bool measure_wanted_ = false;
  StoreTime lost_through_{INT64_MIN};  // windows that started by then are lost

  Waiters waiters_;
  Counters counters_;

  std::vector<std::uint32_t> due_;
  std::vector<std::uint32_t> asking_;  // those of a turn; kept for its memory
  std::vector<std::uint32_t> unmeasured_;
  std::priority_queue<Wake, std::vector<Wake>, std::greater<>> wakes_;
  std::uint64_t last_reservation_ = 0;

  std::vector<Answer> answers_;
  std::vector<Reservation> reservations_;
  std::vector<Release> releases_;
  GateStats stats_;
};

}  // namespace rategate
