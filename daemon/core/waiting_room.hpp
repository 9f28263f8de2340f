// The checks that wait, in lines before their counters, and the answers that end their waiting:
// each gets exactly one, at its deadline at the latest. Not thread-safe.
#pragma once

#include <cstdint>
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
  // Nobody wants its answer any more. One that was asked for keeps its place, as its permits are
  // charged.
  void abandon(WaiterId waiter);
  // Answers those whose deadline has come, by policy.
  void expire(Mono now);
  Mono next_deadline() const {
    return waiters_.soonest().is_none() ? kNever : waiters_[waiters_.soonest()].deadline;
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
  // Who has gone is passed over: making a result counts it, and theirs is counted or wanted no
  // more.
  template <class Result>
  void answer_all(const Counter& counter, Waiters::List& list, const Result& result) {
    while (!list.empty()) {
      const WaiterPlace first = list.first;
      const Waiter& waiter = waiters_[first];
      answer(counter, list, first, waiter.gone ? CheckResult{} : result(waiter.cost));
    }
  }

  Waiters& waiters() { return waiters_; }
  std::vector<Answer>& answers() { return answers_; }
  std::size_t count() const { return waiters_.count(); }

 private:
  void tell(const Counter& counter, std::uint64_t ticket, const CheckResult& result);
  void expire_one(WaiterPlace place, Mono now);

  Counters& counters_;
  std::vector<Shard>& shards_;
  Decider& decider_;
  GateStats& stats_;
  Waiters waiters_;
  std::vector<Answer> answers_;
};

}  // namespace rategate
