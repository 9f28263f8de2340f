// The checks that wait, in lines before their counters, and the answers that end their waiting:
// each gets exactly one, at its deadline at the latest. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "daemon/core/counters.hpp"
#include "daemon/core/decider.hpp"
#include "daemon/core/request.hpp"
#include "daemon/core/shard.hpp"
#include "daemon/core/waiters.hpp"

namespace rategate {

class WaitingRoom {
 public:
  WaitingRoom(Counters& counters, std::vector<Shard>& shards, Decider& decider, GateStats& stats)
      : counters_(counters), shards_(shards), decider_(decider), stats_(stats) {}

  CheckResult join(CounterId id, const Request& request, Mono deadline);

  // ---- Those in ACQUIRE.

  // The same of one that is not asked for yet: behind those that are parked; or behind those for
  // whom permits are booked, of which there are some for it, too.
  CheckResult join_parked(CounterId id, const Request& request);
  CheckResult join_booked(CounterId id, const Request& request, StoreTime came);
  // All of the list are parked from now on, in the order in which they came; none is asked for
  // before that moment.
  void park(Line& line, Waiters::List& list, Mono wakes);
  // The first of the parked ones, or all of them, are due before all others.
  void wake(Line& line, bool all, Mono deadline);
  // One that is due is asked for by a booking; and then there is one for it,
  void ask_to_book(Line& line, WaiterPlace place);
  // which it waits for until then at least. It had come by that moment of the store.
  void booked(Line& line, WaiterPlace place, StoreTime came, Mono until);
  // Where it stands in the line has changed.
  void stand(Line& line, WaiterPlace place, Stands stands);
  // Before whose counters somebody is parked who has come to be the first meanwhile.
  std::vector<CounterId> take_deserted() { return std::exchange(deserted_, {}); }
  // How many there are.
  std::size_t acquirers() const { return patience_.size(); }
  // Nobody wants its answer any more. One that was asked for keeps its place, as its permits are
  // charged.
  void abandon(WaiterId waiter);
  // The same of a member of a combined check: where something was asked of the store for it it is
  // to be told of, and false.
  bool withdraw(WaiterId waiter);
  // Answers those whose deadline has come, by policy.
  void expire(Mono now);
  Mono next_deadline() const {
    const Mono of_store =
        waiters_.soonest().is_none() ? kNever : waiters_[waiters_.soonest()].deadline;
    return patience_.empty() ? of_store : std::min(of_store, patience_.begin()->first);
  }

  // The line is to be asked for: it stands in the queue, unless it does already or something was
  // asked for it.
  void queue(CounterId id);
  // The line is in no queue. Its checks have too little time left for now, and are looked at again
  // when nobody else waits.
  void set_aside(CounterId id);
  // Out of the queue that the line stands in, if it does.
  void take_out(CounterId id);
  // Part of the line has ended: out of the queue where nobody is due any more.
  void tidy(CounterId id);
  // What was asked for is due again, before what came later.
  void due_again(Line& line);
  // Its reservation, which is composed, is one of the client whose turn it was; and none is any
  // more.
  void begin_reservation(const Line& line);
  void end_reservation(Line& line);

  // Answers one that stands in that list of the counter's line, unless its asker has gone.
  void answer(const Counter& counter, Waiters::List& list, WaiterPlace place,
              const CheckResult& result);
  // Who has gone is passed over: making a result may take a share of the limit.
  template <class Result>
  void answer_all(const Counter& counter, Waiters::List& list, const Result& result) {
    while (!list.empty()) {
      const WaiterPlace first = list.first;
      const Waiter& waiter = waiters_[first];
      answer(counter, list, first, waiter.gone ? CheckResult{} : result(waiter.ask));
    }
  }

  Waiters& waiters() { return waiters_; }
  std::vector<Answer>& answers() { return answers_; }
  // Of members of combined checks, by their tickets: what each would be told. To be taken.
  struct MemberAnswer {
    std::uint64_t ticket = 0;
    CheckResult result;
  };
  std::vector<MemberAnswer> take_members() { return std::exchange(members_, {}); }
  std::size_t count() const { return waiters_.count(); }

 private:
  void tell(const Counter& counter, const Waiter& waiter, const CheckResult& result);
  void expire_one(WaiterPlace place, Mono now);
  static Waiter waiter_of(CounterId id, const Request& request);
  CheckResult add(Line& line, Waiters::List& list, const Waiter& waiter, Stands stands);
  void gives_up_at(WaiterPlace place, Mono at);
  void lose_patience(WaiterPlace place, Mono now);
  void take_away(Waiters::List& list, WaiterPlace place);
  void leave(WaiterPlace place);
  static Waiters::List& list_of(Line& line, const Waiter& waiter);

  Counters& counters_;
  std::vector<Shard>& shards_;
  Decider& decider_;
  GateStats& stats_;
  Waiters waiters_;
  std::set<std::pair<Mono, WaiterPlace>> patience_;  // of those in ACQUIRE
  std::vector<CounterId> deserted_;
  std::uint64_t arrivals_ = 0;
  std::vector<Answer> answers_;
  std::vector<MemberAnswer> members_;
};

}  // namespace rategate
