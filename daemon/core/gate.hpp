// The gate: every check goes through it. It decides what it can from what this host knows, makes
// the others wait, and turns those into as few reservations as it can. Events and time come in,
// decisions and reservations go out; whoever drives it owns the store, the clock and the timer.
//
// A waiting check ends in exactly one answer, at the latest at its deadline, unless it is
// abandoned. Permits are given out only for a reservation that the store has answered, inside the
// window it was made for.
//
// The state of a counter's line:
//
//   idle ──check──> due ──turn()──> asked ──answer──> idle (or due, when more came meanwhile)
//                    │ ▲
//                    ▼ │ its moment has come, the clock was measured, the store is up
//                  parked
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <queue>
#include <string_view>
#include <vector>

#include "daemon/core/counters.hpp"
#include "daemon/core/decision.hpp"
#include "daemon/core/limit_table.hpp"
#include "daemon/core/reservation.hpp"
#include "daemon/core/store_clock.hpp"
#include "daemon/core/waiters.hpp"

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
};

class Gate {
 public:
  struct Options {
    std::int64_t command_timeout_us = 250'000;  // the longest a check waits
    StoreClock::Options clock;
    HashSeed seed;
  };
  enum class Store : std::uint8_t {
    Connecting,  // may be there in a moment: checks wait
    Up,
    Away,  // checks are answered by on_store_down at once
  };

  explicit Gate(const Options& options);

  // Costs are 1 to kMaxPermits, keys at most kMaxKeyBytes. `ticket` comes back in the answer.
  CheckResult check(const LimitUsePtr& limit, std::string_view key, std::int64_t cost,
                    std::uint64_t ticket, Mono now);
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
  // Every waiting check is answered `Stopping`, and so is every one to come.
  void stop();

  // Deadlines, parked lines, reservations. To be called after events, and at next_turn().
  void turn(Mono now);
  Mono next_turn() const;

  // What came of it; to be taken after every call above.
  std::vector<Answer>& answers() { return answers_; }
  std::vector<Reservation>& reservations() { return reservations_; }
  bool take_measure_wanted();

  Store store() const { return store_; }
  const GateStats& stats() const { return stats_; }
  const StoreClock& clock() const { return clock_; }
  std::size_t waiting() const { return waiters_.count(); }
  std::size_t counters() const { return counters_.size(); }
  void set_command_timeout(std::int64_t us) { options_.command_timeout_us = us; }

  // Forgets the counters whose windows are over.
  void sweep(Mono now);

 private:
  struct Parked {
    Mono until;
    std::uint32_t slot;
    bool operator>(const Parked& other) const { return until > other.until; }
  };

  bool is_over(const Counter& counter, Mono now) const;
  bool usable(const ClockReading& reading, const Limit& limit) const;
  bool inside(const Window& window, const Limit& limit, Mono now) const;
  std::int64_t with_drift(std::int64_t us) const;
  Pool::State local_state(const Counter& counter, const Window& window) const;
  void list_due(std::uint32_t slot);
  void expire(std::uint32_t slot, Mono now);
  void ask(std::uint32_t slot, Mono now);
  void compose(std::uint32_t slot, const Window& window);
  void again(std::uint32_t slot);

  Decision decide(const Limit& limit, Reason reason, bool allowed, std::int64_t remaining,
                  Mono now) const;
  CheckResult by_policy(LimitUse& use, Mono now);
  CheckResult deny_locally(Counter& counter, Pool::State state, const Window& window, Mono now);
  CheckResult deny_untrusted(LimitUse& use, Mono now);
  void count(LimitUse& use, const Decision& decision);
  void hand_out(const Counter& counter, std::uint64_t ticket, const CheckResult& result);
  void answer(Counter& counter, Waiters::Line& line, std::uint32_t slot, const CheckResult&);
  template <class Result>
  void answer_all(Counter& counter, Waiters::Line& line, const Result& result);

  Options options_;
  StoreClock clock_;
  Store store_ = Store::Connecting;
  bool stopping_ = false;
  bool measure_wanted_ = false;
  StoreTime lost_through_{INT64_MIN};  // windows that started by then are lost

  Waiters waiters_;
  Counters counters_;

  std::vector<std::uint32_t> due_;
  std::vector<std::uint32_t> unmeasured_;
  std::priority_queue<Parked, std::vector<Parked>, std::greater<>> parked_;
  std::uint64_t last_reservation_ = 0;

  std::vector<Answer> answers_;
  std::vector<Reservation> reservations_;
  GateStats stats_;
};

}  // namespace rategate
