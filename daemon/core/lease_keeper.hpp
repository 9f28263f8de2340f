// Keeps the leases: when a pool is renewed, looked at, shown to clients, given back. docs/leases.md
// has the states, the sizes and why nothing over-admits.
//
// What is to be asked of the store goes into the shard's list of leases (list()); the Reserver
// takes it from there when it can be written. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/random.hpp"
#include "daemon/core/alarms.hpp"
#include "daemon/core/books.hpp"
#include "daemon/core/clear_marks.hpp"
#include "daemon/core/counters.hpp"
#include "daemon/core/decider.hpp"
#include "daemon/core/shard.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/core/waiters.hpp"

namespace rategate {

class LeaseKeeper {
 public:
  // All outlive it; `shared` may be null.
  LeaseKeeper(Counters& counters, std::vector<Shard>& shards, Alarms& alarms, Books& books,
              const Decider& decider, const ClearMarks& marks, GateStats& stats,
              SharedPools* shared, std::uint64_t seed);

  // From now on the pools of leased limits get a slot in the segment.
  void share() { sharing_ = shared_ != nullptr; }
  void share_pool(CounterId id, std::int64_t over_ms, Mono now);

  // Takes the cost out of the pool, so many times, all of it or nothing. Of a bucket a lease has no
  // window, but ends with a slice: what is good is told by the clock.
  bool spend(CounterId id, const Window& window, const CostRun& run, Mono now);
  // Until when what is spent next of it is good: the window's end, or of a bucket that of the slice
  // that ends first, 0 where nothing is held.
  std::int64_t good_until_ms(Counter& counter, const Window& window, Mono now);
  // A check on this host was granted that cost by the store.
  void note_spent(Counter& counter, const CostRun& run, Mono now) {
    if (counter.use->leased) note_demand(counter, run, now);
    if (counter.bucket != nullptr) note_spent_of_bucket(counter, run, now);
  }
  // All that the pool holds for the window, to be put towards costs that it cannot pay alone.
  Hand take_hand(Counter& counter, const Window& window, Mono now);
  // The same of a bucket: what is held of the slice that ends first, and of the other one where
  // that is less than `wanted`. All of it is good until the end of `of`.
  Hand take_hand_of_slices(Counter& counter, std::int64_t wanted, Mono now, Window& of);
  // The store answered; see Pool::charged(). `anew`: the counter was cleared since the last answer.
  bool charged(Counter& counter, const Window& window, std::int64_t permits, std::int64_t in_store,
               bool anew, Mono now);
  // How much the counter's window has to hold in the store at least, as far as this host knows.
  static std::int64_t known_to_hold(const Counter& counter, const Window& window);
  // Whether that would be less than this host has taken, and nothing explains it yet.
  static bool is_unexplained(const Counter& counter, const Window& window, std::int64_t permits,
                             std::int64_t in_store);
  // The window of the counter is to be cleared, or the counter, a bucket: what is held of it goes.
  void before_clear(Counter& counter, const Window& window, Mono now);
  // The counter was cleared, by this host or by another one. Those of other numbers, by which this
  // host asks the same counter of the store, have taken nothing of it since.
  void restart_others(const Counter& cleared, const Window& window);
  // It was, and holds nothing now.
  void cleared(Counter& counter, const Window& window, Mono now);
  // What there is of the window that nobody waits for: what is left of the hand, and a lease. Over,
  // or dropped, they are stranded. Then clients are shown what was learned of the counter.
  void take_in(Counter& counter, const Window& window, const Hand& unspent, std::int64_t lease,
               Mono now);
  // A check on this host took that cost. Large costs are no demand: a lease for the next one would
  // hold back more than it saves.
  void note_spent_of_bucket(Counter& counter, const CostRun& run, Mono now);
  void note_demand(Counter& counter, const CostRun& run, Mono now);

  // Whether a cost of a limit is demand for leases: see note_demand().
  static bool is_demand(const Limit& limit, std::int64_t cost);
  // Permits that are wanted ahead of checks.
  struct Wanted {
    Window window;
    std::int64_t permits = 0;
    std::int64_t raisable = 0;  // see BucketAsked
  };
  // Clients of the counter, a bucket, are told that there is nothing, as far as that is known.
  void show_denial(Counter& counter, Mono now);
  // The store has told otherwise, or may.
  void end_denial(Counter& counter, Mono now);
  // Clients are told what the store has left.
  void tell_left_in_bucket(Counter& counter, Mono now);
  // Until when the counter, a bucket, is not asked again, by what is known of it since `told`.
  StoreTime pause_of(Counter& counter, StoreTime told, Mono now);
  // Beside the checks that wait; `waiting`: those of their costs that are demand.
  Wanted lease_for(Counter& counter, const Window& window, std::int64_t waiting, Mono now);
  // What it is asked for next where no check waits: the window that is open, where the pool is low,
  // or the next one. None where there is nothing to ask.
  std::optional<Wanted> wanted(CounterId id, Mono now);
  // The store has lost its count: what is held is given up, what is known of it is kept.
  void lose(Counter& counter, Mono now);
  // What is known of it was told, and it is that now.
  void recounted(Counter& counter, const Window& window, std::int64_t count, Mono now);
  // It wants a lease, or to be looked at, or neither: it goes into the shard's list where it should
  // be there.
  void list(CounterId id);

  // What a counter's alarm is for: the window that opens, the next one to be reserved, stock to be
  // given back, an exhausted window to be doubted. Sets the next alarm itself.
  void attend(CounterId id, Mono now);
  // The counter's key is blocked until then, and that is sure until `sure`: clients that share
  // memory may deny by themselves for that long, and for 2 s at most.
  void ban(CounterId id, StoreTime until, Mono sure, Mono now);
  // It is not blocked any more.
  void lift_ban(const Counter& counter);
  // A client says that the pool in that slot is low. The counter whose it is; none for nobody's.
  CounterId nudged(SlotId slot);
  // It may be low: it is looked at, and a lease wanted where that is so.
  void renew_if_low(CounterId id, Mono now);
  // Books what clients have spent of it by now.
  void look(Counter& counter, Mono now);
  // At some pools in shared memory, in turn: at each of them unless they are very many.
  void look_at_some(Mono now);

  // Everything it holds goes: stock back to the store, the rest to nobody.
  void let_go(Counter& counter, Mono now);
  // Clients are shown nothing of it until it has another slot, and what they were shown is given
  // up.
  void hide(Counter& counter, Mono now);
  // The pool was emptied before its windows, or slices, are over: clients that have taken of it may
  // still put that back into the slot.
  void leave_emptied_slot(Counter& counter, Mono now);
  // What it holds is worth nothing any more.
  void give_up(Counter& counter, Mono now);
  void drop_limits(Mono now);

  // The clients' clock of that shard: `anew` where the one they have is wrong.
  void publish_clock(ShardId shard, Mono now, bool anew);
  void forget_clock(ShardId shard);
  // So much is the clients' clock behind the daemon's.
  void set_clients_behind(std::int64_t ns, Mono now);

  // Permits of the window that had been spent go back to the store. False where it takes none now.
  bool give_back(Counter& counter, const Window& window, std::int64_t permits, Mono now);
  // To be written to the counter's shard: permits on their way back, which are booked as held, or
  // such that are charged without a test. False where it takes none now.
  bool push(const Counter& counter, Release release);
  // The same to a bucket or a log: of_ms as BucketAsked's back_ms. Negative permits are charged.
  bool push_to_bucket(const Counter& counter, std::int64_t permits, std::int64_t of_ms, Mono now);
  // The next release to be written, booked as written; nothing where there is none.
  std::optional<Release> take_release(Shard& shard);
  // What waits to be written will not be.
  void strand_releases(Shard& shard);

 private:
  PoolBook book_of(Counter& counter, Mono now);
  PoolBook book_of(Counter& counter, const Window& window, Mono now);  // knows if that is ahead
  bool has_slot(CounterId id, SlotId slot) const;
  static SharedPools::Whose whose_of(const Counter& counter, CounterId id);
  void watch_level(CounterId id, const Window& window, Mono now);
  void watch_slices(CounterId id, const ClockReading& reading, Mono now);
  static std::int64_t chunk_of_slices(const Counter& counter);
  void lease_slice(Counter& counter, const Window& slice, std::int64_t permits, Mono now);
  void close_slices(Counter& counter, const ClockReading& reading, Mono now);
  bool spend_of_slices(CounterId id, const CostRun& run, Mono now);
  std::int64_t may_lease(Counter& counter, const ClockReading& reading, Mono now);
  void give_rests_back(Counter& counter, StoreTime latest, Mono now);
  void attend_slices(CounterId id, Mono now);
  Wanted bucket_lease_for(Counter& counter, std::int64_t waiting, Mono now);
  std::int64_t leases(Counter& counter, std::int64_t lease, std::int64_t rate, std::int64_t lately,
                      Mono now);
  static bool is_over(const Counter& counter, const Window& window, const ClockReading& reading);
  void want(CounterId id);
  void attend_next_window(CounterId id, const Placed& placed, Mono now);
  void attend_long_window(CounterId id, const Placed& placed, Mono now);
  void doubt(Counter& counter, CounterId id, const Window& window, Schedule& schedule, Mono now);
  void release_stock(Counter& counter, const Window& window);
  const Shard& shard_of(const Counter& counter) const { return shards_[counter.shard.value]; }
  Shard& shard_of(const Counter& counter) { return shards_[counter.shard.value]; }

  Counters& counters_;
  std::vector<Shard>& shards_;
  Alarms& alarms_;
  Books& books_;
  const Decider& decider_;
  const ClearMarks& marks_;
  GateStats& stats_;
  SharedPools* shared_;
  bool sharing_ = false;
  Random random_;
  struct Published {
    Mono at{INT64_MIN};  // never
    std::int64_t error_us = 0;
  };
  std::vector<Published> published_;  // the clocks, by shard
};

}  // namespace rategate
