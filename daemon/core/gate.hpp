// The gate: every check goes through it. It decides what it can from what this host knows, makes
// the others wait, and has the store asked for those in as few reservations as it can. Events and
// time come in, decisions go out; reservations are not pushed but pulled (compose()), at the moment
// when they can be written, from who waits then.
//
// A waiting check ends in exactly one answer, at the latest at its deadline, unless it is
// abandoned. Permits are given out only for a reservation that the store has answered, inside the
// window it was made for.
//
// Its parts, each with its own state:
//   Decider      what a decision says, and its counts
//   WaitingRoom  the checks that wait, and their answers
//   LeaseKeeper  the pools: when leases are renewed, shown to clients, given back
//   Reserver     what is asked of the store, and what its answers mean
//   HoldKeeper   limits of concurrency: who has entered, and what is held for them
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/random.hpp"
#include "daemon/core/alarms.hpp"
#include "daemon/core/books.hpp"
#include "daemon/core/clear_marks.hpp"
#include "daemon/core/clears.hpp"
#include "daemon/core/combined.hpp"
#include "daemon/core/combined_acquirers.hpp"
#include "daemon/core/counters.hpp"
#include "daemon/core/decider.hpp"
#include "daemon/core/explanation.hpp"
#include "daemon/core/hold_keeper.hpp"
#include "daemon/core/lease_keeper.hpp"
#include "daemon/core/recounter.hpp"
#include "daemon/core/request.hpp"
#include "daemon/core/reserver.hpp"
#include "daemon/core/settler.hpp"
#include "daemon/core/shard.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/core/waiting_room.hpp"

namespace rategate {

// Which shard of the store counts for (limit, key) now: the topology says. Where that changes,
// slots_moved() is to be called.
using ShardOf = std::function<ShardId(const LimitUse& limit, std::string_view key)>;

class Gate {
 public:
  struct Options {
    std::int64_t command_timeout_us = 250'000;  // the longest a check waits
    StoreClock::Options clock;
    HashSeed seed;
    std::uint64_t jitter_seed = 1;
    std::uint16_t shards = 1;
    std::int64_t share_hosts_min = 1;  // so many hosts there are at least: see hosts_seen()
    std::size_t max_parked = 10'000;   // so many may be in ACQUIRE, and before one counter
    std::size_t max_parked_per_key = 1'000;
    // Another primary may take the store's place, whose clock may be another: what is held ends so
    // much earlier.
    std::int64_t skew_us = 0;
    ShardOf shard_of;  // null: all is counted in shard 0
  };

  // `shared` may be null, and outlives the gate. Shards from SharedPools::kClocks on have no clock,
  // and no counter that is counted.
  explicit Gate(const Options& options, SharedPools* shared = nullptr);

  // ---- Those who ask.

  CheckResult check(const Request& request, Mono now);
  // A check of several limits at once: docs/combined.md.
  CheckResult check_combined(CombinedRequest request, Mono now);
  // What led to the decision of the call above, where that was asked for and the decision was made
  // at once; else null, and it comes with the answer.
  std::shared_ptr<const Explanation> take_explanation() { return std::move(explanation_); }
  // What an ENTER would be told, of which nothing is taken and nothing is asked of the store; and
  // the same with what led to it, null where it is the daemon that gives up.
  HoldLook look_at_entry(const EntryRequest& request, Mono now);
  std::shared_ptr<const Explanation> explain_entry(const EntryRequest& request, Mono now);
  // Up to `count` more checks just like one that check() has decided at this same moment, in one
  // step. Returns how many have got that verdict; the others are to be asked one by one.
  std::int64_t repeat(const Request& request, const Decision& decided, std::int64_t count,
                      Mono now);
  // What was used of permits that a check took. Returns how many are taken back; less than none
  // where more were used than were taken, and so many were charged.
  std::int64_t settle(const Settlement& settlement, Mono now);
  // The same of a combined check: how many are taken back of each of its windows, or charged to it.
  // What is no window, or is spread, or a shadow, keeps what it has. Limit and key of `of_all` do
  // not count.
  std::int64_t settle_combined(const Members& members, const Settlement& of_all, Mono now);
  // The limit begins anew for that key: the answer is among cleared(), at the latest when a check's
  // would be.
  void clear(const ClearRequest& request, Mono now);
  // Its asker has gone: what was not yet asked of the store for it is not asked.
  void abandon(WaiterId waiter);
  // Somebody is attached: from now on the pools of leased limits get a slot in the segment.
  void share() { keeper_.share(); }
  // A client says that the pool in that slot is low. Any number may come.
  void nudged(SlotId slot, Mono now);
  // Books what clients have spent by now; where more than a thousand pools are shared, of some of
  // them, in turn.
  void look_at_pools(Mono now) { keeper_.look_at_some(now); }
  // So much is the clock of programs with shared memory behind the daemon's, of which `now` is. To
  // be told at the start, and after the host was suspended.
  void set_clients_behind(std::int64_t ns, Mono now) { keeper_.set_clients_behind(ns, now); }
  // After LimitTable::configure(): what is held for limits that were dropped is given up, and who
  // waits for them in ACQUIRE is denied, and may ask for what they are now.
  void drop_limits(Mono now);

  // ---- The store's events, each of one shard.

  StoreClock::Measured measured(ShardId shard, Mono sent, Mono received, StoreTime time);
  // `more`: what was decided together with it is answered next, and nobody is told before.
  void answered(std::uint64_t reservation, const ReserveAnswer& answer, Mono now,
                bool more = false);
  // It will not be answered, or by an error: nothing is granted. Answers the limit where it is
  // refused, and that was not told for a while; else null.
  const Limit* failed(std::uint64_t reservation, Failure failure, Mono now);
  // The counters of that call hold so much now; or the store has refused some of them, of which the
  // limits that are worth telling come back (as with failed()), with the error.
  struct Refused {
    const Limit* limit;
    std::string_view error;
  };
  std::vector<Refused> recounted(ShardId shard, std::span<const Recount> recounts,
                                 std::span<const ReserveAnswer> answers, Mono now);
  // The call was refused as a whole, for the sake of its counters.
  const Limit* recounts_refused(ShardId shard, std::span<const Recount> recounts, Mono now);
  // The counters of that call are elsewhere, or on their way.
  void recount_later(ShardId shard, std::span<const Recount> recounts, Mono now);
  // It takes nothing now.
  void recount_again(ShardId shard, Mono now) { recounter_.again(shard, now); }
  // The first three say whether it is news (see StoreHealth). After the first, all that was under
  // way is unknown, and is asked again.
  bool store_connecting(ShardId shard, Mono now);
  bool store_up(ShardId shard);
  bool store_away(ShardId shard, Mono now);
  // Another primary, or the same one restarted: its clock and counters are not the ones known.
  void store_replaced(ShardId shard, Mono now);
  // Counters that may be lost.
  struct Loss {
    StoreTime through;           // windows that had begun by then, at the latest by now ...
    std::int64_t margin_us = 0;  // ... or up to so much later
    bool recounts = false;       // all hosts hear of it, and may tell what they know
    bool anew = false;           // whatever this host has told, the store does not know it
  };
  // They are denied to their end, or recounted (see Recounter). After the shard's clock was
  // measured. Whether it is more than was known, and some window may be so long that it is still
  // open.
  bool lose_windows(ShardId shard, const Loss& loss, Mono now);
  // A slot of a cluster that was in `from`, where it was seen at `seen` last, is in `to` from now
  // on: what was lost of its counters there is lost here, too, and so is what this host hears of
  // within the next minute.
  void slot_moved(std::uint16_t slot, ShardId from, ShardId to, Mono seen, Mono now);
  // It was refused in that shard, because it is on its way to another one.
  void slot_on_its_way(std::uint16_t slot, ShardId shard, Mono now);
  // Counters are in other shards than before: who waits before them is asked for there. What is
  // under way stays so, and its answer counts.
  void slots_moved(Mono now);
  // The reservation is asked of that shard from now on, to which its slot is on its way. False
  // where it is not under way any more, or its window is lost as is known by now.
  bool asked_at(const Reservation& reservation, ShardId shard, Mono now);
  // Every waiting check is answered `Stopping`, and so is every one to come. Stock is released.
  void stop(Mono now);

  // ---- What is asked of the store: see Reserver.

  bool compose(ShardId shard, const Pull& pull, Mono now, Reservation& into) {
    const bool composed = reserver_.compose(shard, pull, now, into);
    pass_on(now);
    return composed;
  }
  // See Reserver: what is composed next belongs into the same call.
  bool is_amid_group() const { return reserver_.is_amid_group(); }
  // Whether, since this was asked last, checks have gone on to other counters of a limit that is
  // spread, whose shards are then to be looked at for what is to be asked.
  bool take_passed_on() { return std::exchange(passed_on_, false); }

  // Whether the hosts are to be counted, because some limit's parts go by their number; and how
  // many there are.
  void count_hosts(bool count) { counts_hosts_ = count; }
  bool counts_hosts() const { return counts_hosts_; }
  void hosts_seen(std::int64_t hosts) { decider_.hosts_seen(hosts); }
  // 0 where that was never known.
  std::int64_t hosts() const { return decider_.hosts(); }

  // What is to be told next of windows that were lost, in one call: see Recounter.
  bool compose_recounts(ShardId shard, std::size_t most, Mono now, std::vector<Recount>& into) {
    return recounter_.compose(shard, most, now, into);
  }

  // Whether this host has something to tell if the store loses what it counts.
  bool has_to_hear(ShardId id, Mono now) const {
    const auto reading = shard(id).clock.read(now);
    return reading && reading->earliest.us < shard(id).knows_until_ms * 1000;
  }

  // The next release to be written, booked as written now; nothing where there is none.
  std::optional<Release> take_release(ShardId shard) {
    return keeper_.take_release(this->shard(shard));
  }

  // What is to be cleared, or asked of a counter's mark, and is to be written next; nothing where
  // there is none. Each ends in one of the calls below, or with the connection.
  std::optional<Clear> take_clear(ShardId shard);
  void clear_answered(const Clear& asked, const ClearAnswer& answer, Mono now);
  void clear_refused(const Clear& asked, std::string_view error, Mono now);
  // The counter is elsewhere, or on its way: nothing was done.
  void clear_elsewhere(const Clear& asked, Mono now);

  // Who enters and leaves, and what is asked of the store for that.
  HoldKeeper& holds() { return holds_; }
  const HoldKeeper& holds() const { return holds_; }

  // ---- Its time.

  // Deadlines, and counters that it wants to come back to. To be called after events, and at
  // next_turn(), which knows nothing of what waits to be pulled.
  void turn(Mono now);
  Mono next_turn() const;

  // Answers that were given since; to be taken after every call above.
  std::vector<Answer>& answers() { return room_.answers(); }
  std::vector<Cleared>& cleared() { return clears_.over(); }

  // ---- What there is to know.

  Shard& shard(ShardId id) { return shards_[id.value]; }
  const Shard& shard(ShardId id) const { return shards_[id.value]; }
  const std::vector<Shard>& shards() const { return shards_; }
  const GateStats& stats() const { return stats_; }
  const Books& books() const { return books_; }
  std::size_t waiting() const { return room_.count() + acquirers_.count(); }
  // Those of them that are in ACQUIRE.
  std::size_t acquiring() const { return room_.acquirers() + acquirers_.count(); }
  std::size_t counters() const { return counters_.size(); }
  // Lines that wait to be asked for.
  std::size_t queued() const;
  // Permits in all pools as of the last look at each, and on their way back: what the books must
  // say is held. Costs a walk.
  std::int64_t counted() const;

 private:
  CheckResult decide(const Request& request, Mono now);
  CounterId knowing_counter(const Request& request, Mono now);
  CheckResult decide_by_key(const Request& request, Mono now);
  void show_block(CounterId id, Mono now);
  CheckResult check_counted(CounterId id, const Request& request, Mono now);
  std::int64_t repeat_counted(const Request& request, const Decision& decided, std::int64_t count,
                              Mono now);
  std::optional<CheckResult> decide_open(CounterId id, const Window& window, WindowState state,
                                         const Request& request, Mono now);
  bool is_crowded(const Counter& counter) const;
  void serve_deserted(Mono now);
  CheckResult check_spread(const Request& request, Mono now);
  const LimitUsePtr* find_sub(const LimitUse& spread, std::uint32_t tried, const Request& request,
                              Mono now);
  const LimitUsePtr& sub_or_last(const Request& request, Mono now);
  std::int64_t first_start_ms(const LimitUse& spread, std::string_view key, Mono now);
  void take_losses(std::uint16_t slot, ShardId from, const std::optional<ClockReading>& here,
                   Mono seen, Mono now);
  void tell_moved(Mono now);
  std::optional<ClockReading> reading_near(ShardId id, Mono now) const;
  void leave_shard(ShardId id, Mono now);
  HoldKeeper::Options hold_options() const;
  void lose_holds(const Loss& loss, const ClockReading& reading, Mono now);
  void give_up_slices(ShardId id, Mono now);
  std::uint32_t subs_down(const LimitUse& spread, std::string_view key, Mono now);
  void leave_line(CounterId from, Mono now);
  const LimitUsePtr* next_sub(Waiter& waiter, const LimitUse& spread, const Request& request,
                              Mono now);
  void go_on(Mono now);
  void pass_on(Mono now);
  CounterId counter_of(const Request& request, Mono now);
  CounterId find_counter(const Request& request, std::string_view key, Mono now);
  void follow_slot(CounterId id, Mono now);
  bool may_forget(Counter& counter, bool crowded, Mono now);
  void add_clear(Clears::Job& job, const LimitUsePtr& use, std::string_view key);
  void ask_for_clears(Mono now);
  bool ask_for_clear(Clears::Job& job, Clears::Part& part, Mono now);
  void release_part(Clears::Part& part, Mono now);
  void end_clear(Clears::Job& job, std::string_view why_not, Mono now);
  void begin_anew(const Clears::Part& part, const Clear& asked, const ClearAnswer& answer,
                  Mono now);
  void lose_clears(ShardId id, Mono now);
  enum class Known : std::uint8_t { Has, Lacks, Nothing };
  Known look_at(Part& part, Mono now);
  bool look_at_all(CombinedCheck& check, Mono now);
  void ask_part(CombinedCheck& check, Part& part, Mono now);
  bool ask_some(CombinedCheck& check, bool buckets, Mono now);
  static void told_part(Part& part, const CheckResult& result);
  bool advance(CombinedCheck& check, Mono now);
  std::string grouped_counter(const Part& part, Mono now);
  bool may_group(const CombinedCheck& check, Mono now);
  void ask_group(CombinedCheck& check, Mono now);
  bool drop_lapsed(CombinedCheck& check, Mono now);
  void drop_hands(const LimitUsePtr& limit, std::string_view key);
  void drop_hands_of_slices(ShardId id, Mono now);
  CheckResult end_combined(CombinedCheck& check, Mono now);
  void end_parts(CombinedCheck& check, bool in_vain, Mono now);
  LimitUse& use_of(const Part& part, Mono now);
  void explain(CombinedCheck& check, std::size_t decides, const CheckResult& result, Mono now);
  ExplainedLimit explain_part(Part& part, Mono now);
  ExplainedCounter explain_counter(const LimitUsePtr& limit, const Part& part, Mono now);
  void put_back(const Part& part, Mono now);
  std::int64_t take_back(const Settlement& settlement, Settler::Whose whose, Mono now);
  void hear_members(Mono now);
  bool hear_member(std::uint64_t ticket, const CheckResult& result, Mono now);
  void go_on_combined(std::uint64_t number, Mono now);
  void answer_combined(CombinedCheck& check, Mono now);
  void tell_combined(std::uint64_t ticket, Telling telling, const CheckResult& result,
                     std::shared_ptr<const Explanation> explanation);
  void expire_combined(Mono now);
  CheckResult acquire_combined(CombinedRequest request, Mono now);
  std::optional<CheckResult> try_acquirer(CombinedAcquirer& acquirer, Mono now);
  std::optional<Mono> tries_again_at(CombinedCheck& check, const CombinedRequest& request,
                                     Mono now);
  bool end_try(CombinedCheck& check, Mono now);
  CombinedRequest leave_line(const CombinedAcquirer& acquirer, Mono now);
  CheckResult deny_acquirer(CombinedRequest request, Mono now);
  void try_acquirers(Mono now);
  void deny_acquirers_of_dropped(Mono now);
  void stop_acquirers(Mono now);
  void abandon_acquirer(CombinedAcquirer& acquirer);
  std::int64_t new_mark(std::uint64_t id, Mono now);

  Options options_;
  bool stopping_ = false;
  bool passed_on_ = false;
  bool counts_hosts_ = false;
  GateStats stats_;
  Books books_;
  Counters counters_;
  std::vector<Shard> shards_;
  Losses losses_;
  Mono tells_at_ = kNever;  // what is known of counters whose slots have moved
  Mono told_at_{INT64_MIN / 2};
  CounterId tells_next_;  // none: all have been told of, that were to be at told_at_
  CombinedChecks combined_;
  CombinedAcquirers acquirers_;
  Random random_;
  std::shared_ptr<const Explanation> explanation_;
  Clears clears_;
  ClearMarks marks_;
  Alarms alarms_;
  Decider decider_;
  WaitingRoom room_;
  LeaseKeeper keeper_;
  Recounter recounter_;
  Settler settler_;
  Reserver reserver_;
  HoldKeeper holds_;
};

}  // namespace rategate
