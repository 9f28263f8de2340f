// Windows whose count the store has lost are counted on where a limit says so: each host tells the
// store the highest count that it knows of, and when all have had the time to, the counters hold
// what was granted. This is what this host has to tell, and has told; docs/failover.md has the
// rule, daemon/store/scripts/recount.lua the sum. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "daemon/core/counters.hpp"
#include "daemon/core/decider.hpp"
#include "daemon/core/lease_keeper.hpp"
#include "daemon/core/shard.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/limit/reservation.hpp"

namespace rategate {

class Recounter {
 public:
  // All outlive it.
  Recounter(Counters& counters, std::vector<Shard>& shards, LeaseKeeper& keeper,
            const Decider& decider, GateStats& stats);

  // The counter's windows are lost: what is known of them is to be told, whoever asks for it, and
  // whatever is to become of them on this host.
  void lose(CounterId id, Mono now);
  // The same, if the windows that it is known of are lost, and were not told of since.
  void lose_untold(CounterId id, Mono now);
  // Checks wait for it to be told of.
  void want(CounterId id);
  // One that is to be told has come to another shard, and is told of there.
  void list(CounterId id);

  // What is to be told next in a call, at most so much; false where there is nothing, or enough
  // calls are under way. They are answered in their order.
  bool compose(ShardId shard, std::size_t most, Mono now, std::vector<Recount>& into);
  // Whose it is, or was: its place may be another counter's by now.
  static CounterId id_of(const Recount& recount) {
    return {static_cast<std::uint32_t>(recount.id)};
  }
  // The counter was told of in that shard, and holds that now.
  void told(ShardId shard, const Recount& recount, std::int64_t count, Mono now);
  // The first of the calls is answered.
  void over(ShardId shard);
  // The first of the calls was refused, for the sake of one of them it may be: each is told in a
  // call of its own then. One that was alone (true) is told when somebody asks for it.
  bool refused(ShardId shard);
  // Which of the calls have come there is not known: all of it again.
  void put_back(ShardId shard);
  // The first of the calls was led elsewhere: its counters again after all others, where they are
  // by then.
  void later(ShardId shard, Mono now);
  // The store takes nothing now: the first of the calls again, after a while.
  void again(ShardId shard, Mono now);

  // A while is over; to be called at next_turn(), and then compose().
  void turn(Mono now);
  Mono next_turn() const;

 private:
  struct Queue {
    std::deque<CounterId> listed;
    std::deque<std::vector<CounterId>> under_way;  // of each call
    std::size_t counters_under_way = 0;
    std::size_t alone = 0;     // of the first, so many in a call of their own
    Mono not_before = kNever;  // kNever: at once
  };
  Queue& queue_of(ShardId shard) { return queues_[shard.value]; }
  std::vector<CounterId> take_first(Queue& queue);
  bool is_listed_at(ShardId shard, CounterId id) const;
  void put_back(ShardId shard, const std::vector<CounterId>& ids);
  bool has_to_tell(const Counter& counter, const Window& window) const;
  bool add(ShardId shard, CounterId id, Mono now, std::vector<Recount>& into);
  void add_window(CounterId id, const Window& window, std::vector<Recount>& into);

  Counters& counters_;
  std::vector<Shard>& shards_;
  LeaseKeeper& keeper_;
  const Decider& decider_;
  GateStats& stats_;
  std::vector<Queue> queues_;  // by shard
};

}  // namespace rategate
