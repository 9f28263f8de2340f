// Who may be at work at the same time: lets callers in by what this host holds of the limit, has
// the store asked for more where somebody waits, renews what is used and gives back what is not.
// docs/concurrency.md says what is promised. Events and time come in, answers go out; what is asked
// of the store is pulled, at the moment when it can be written.
//
// A caller that waits ends in exactly one answer, unless its connection is gone. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/base/random.hpp"
#include "daemon/core/entering.hpp"
#include "daemon/core/entries.hpp"
#include "daemon/core/held_counter.hpp"
#include "daemon/core/hold_look.hpp"
#include "daemon/core/shard.hpp"

namespace rategate {

// What is counted of all of them.
struct HoldStats {
  std::uint64_t entered = 0;
  std::uint64_t entry_denied = 0;
  std::uint64_t left = 0;          // by LEAVE
  std::uint64_t entries_lost = 0;  // given back as their connection was closed, or their time over
  std::uint64_t holds_lapsed = 0;  // that ended with something entered under them
  std::uint64_t hold_calls = 0;
};

class HoldKeeper {
 public:
  struct Options {
    std::int64_t command_timeout_us = 250'000;
    std::size_t most_waiting = 10'000;
    std::size_t most_waiting_per_counter = 1'000;
    std::size_t most_entries = 1'000'000;
    std::size_t most_counters = 100'000;
    // So far the clocks of two primaries may be apart of which one may take the other's place.
    std::int64_t skew_us = 0;
    HashSeed seed;
    std::uint64_t host = 1;  // by which the store knows it: of no two daemons the same
    std::function<ShardId(const LimitUse& limit, std::string_view key)> shard_of;
  };

  HoldKeeper(const Options& options, std::vector<Shard>& shards);

  // ---- Those who ask.

  EntryResult enter(const EntryRequest& request, Mono now);
  // Whether anybody had entered by that ticket.
  bool leave(std::uint64_t entry, Mono now);
  // One that lasts for a time does so from now on. Nothing where nobody has entered by that ticket;
  // false where it belongs to a connection.
  std::optional<bool> stay(std::uint64_t entry, Mono now);
  // The connection is closed: what it waits for is not wanted, and what it has entered is left.
  void gone(std::uint32_t flow, Mono now);
  // Its client was sent the tickets of all that it has entered for a time, which from then on do
  // not belong to the connection any more.
  void told(std::uint32_t flow) { entries_.told(flow); }
  bool has_entered(std::uint32_t flow) const { return entries_.has_any(flow); }
  // After a reload: the limit of that name is what it says; null: there is none.
  void reload(const std::function<LimitUsePtr(const std::string& name)>& find, Mono now);

  // What an ENTER without TIMEOUT of the same limit, key and cost would be told now, and what that
  // goes by. Nothing is changed, made or asked for.
  HoldLook look(const EntryRequest& request, Mono now) const;

  // ---- The store's events.

  void store_up(ShardId shard, Mono now);
  // All that was under way is unknown.
  void store_connecting(ShardId shard, Mono now);
  void store_away(ShardId shard, Mono now);
  // What was held before then may be lost.
  void store_lost(Mono at);
  void slots_moved(Mono now);
  void stop();

  // ---- What is asked of the store, and its answers: each ends in one of the last four, or with
  // the connection.

  bool has_to_ask(ShardId shard) const { return !asks_[shard.value].empty(); }
  std::optional<HoldAsked> take(ShardId shard, Mono now);
  void answered(const HoldAsked& asked, const HoldAnswer& answer, Mono now);
  // It is to be asked again at once, or a little later: it has not been done.
  void again(const HoldAsked& asked, Mono now);
  void later(const HoldAsked& asked, Mono now);
  // Who waits is answered by policy. The limit, where that was not told for a while; else null.
  const Limit* refused(const HoldAsked& asked, Mono now);

  // ---- Its time.

  void turn(Mono now);
  Mono next_turn() const;
  std::vector<EntryAnswer>& answers() { return answers_; }

  // ---- What there is to know.

  const HoldStats& stats() const { return stats_; }
  std::size_t entries() const { return entries_.size(); }
  std::size_t waiting() const { return waiting_; }
  std::size_t counters() const { return counters_.size(); }
  // The hold is good, and so many may be entered of the counter of that name: for tests.
  const HeldCounter* counter(const std::string& name) const;

 private:
  using Place = std::list<EntryWaiter>::iterator;

  // What comes of an ENTER at a moment.
  enum class Course : std::uint8_t {
    Enters,     // by what this host holds
    NeverFits,  // the cost is above the limit
    Policy,     // the store cannot be asked: by on_store_down
    Denied,     // there is nothing, as far as is known
    Waits,      // for the store, or for others to leave
    Crowded,    // too many wait, or have entered
  };

  static std::string name_of(const EntryRequest& request);
  HeldCounter begun(const EntryRequest& request, const std::string& name) const;
  static void adopt(HeldCounter& counter, const LimitUsePtr& use, Mono now);
  HeldCounter* counter_of(const EntryRequest& request, Mono now);
  HeldCounter* find(std::uint64_t number);
  std::optional<ClockReading> reading_of(const HeldCounter& counter, Mono now) const;
  static std::int64_t most_here(const HeldCounter& counter, const LimitUse& use, std::int64_t cost);
  bool fits(const HeldCounter& counter, const LimitUse& use, std::int64_t cost, Mono now) const;
  std::int64_t remaining(const HeldCounter& counter, const LimitUse& use) const;
  bool has_all(const HeldCounter& counter, Mono now) const;
  bool front_fits(const HeldCounter& counter, Mono now) const;
  bool rename(HeldCounter& counter, const LimitUse& use);
  EntryDecision let_in(HeldCounter& counter, const EntryWaiter& who, Mono now);
  EntryDecision denied(const HeldCounter& counter, LimitUse& use, std::int64_t retry_ms);
  std::int64_t policy_retry_ms(const HeldCounter& counter, const LimitUse& use, Mono now) const;
  EntryResult by_policy(HeldCounter& counter, const EntryWaiter& who, Mono now);
  Course course_of(const HeldCounter& counter, const EntryWaiter& who, Mono now) const;
  EntryResult decide(HeldCounter& counter, const EntryWaiter& who, Mono now);
  Verdict foretell(const HeldCounter& counter, const EntryWaiter& who, Course course, Mono now,
                   Decision& decision) const;
  void foretell_store(const HeldCounter& counter, const EntryWaiter& who, Mono now,
                      Decision& decision) const;
  HoldState state_of(const HeldCounter& counter, std::int64_t cost, Mono now) const;
  std::optional<std::int64_t> asked_in_ms(const HeldCounter& counter, Mono now) const;
  void wait(HeldCounter& counter, EntryWaiter who, Mono now);
  Place answer(HeldCounter& counter, Place at, const EntryResult& result);
  void give_back(HeldCounter& counter, std::int64_t cost);
  void remove(std::uint64_t entry, Mono now);
  void answer_all_by_policy(HeldCounter& counter, Mono now);
  void deny_heard(HeldCounter& counter, Mono now);
  std::int64_t retry_ms(const HeldCounter& counter, Mono now) const;
  std::int64_t wanted(const HeldCounter& counter) const;
  void note_moved(const HeldCounter& counter, Mono now) const;
  std::int64_t restrained_us(const HeldCounter& counter, Mono now) const;
  bool is_restrained(const HeldCounter& counter, Mono now) const;
  bool wants_ask(const HeldCounter& counter, Mono now) const;
  void back_off(HeldCounter& counter, Mono now);
  void settle(HeldCounter& counter, Mono now);
  static void note_peak(HeldCounter& counter, Mono now);
  Mono next_wake(const HeldCounter& counter, Mono now) const;
  void set_alarm(HeldCounter& counter, Mono at);
  bool may_forget(const HeldCounter& counter, Mono now) const;
  void forget(HeldCounter& counter);
  void expire_waiters(Mono now);
  void drop_waiters(std::uint32_t flow, Mono now);
  std::vector<std::uint64_t> counters_of(ShardId shard) const;
  void follow_slot(HeldCounter& counter) const;
  static std::int64_t left_by_others(const HeldCounter& counter);
  Shard& shard_of(const HeldCounter& counter) { return shards_[counter.shard.value]; }
  const Shard& shard_of(const HeldCounter& counter) const { return shards_[counter.shard.value]; }

  Options options_;
  std::vector<Shard>& shards_;
  const std::string host_;
  Random random_;
  Entries entries_;
  std::unordered_map<std::string, std::unique_ptr<HeldCounter>> counters_;
  std::unordered_map<std::uint64_t, HeldCounter*> by_number_;
  std::vector<std::deque<std::uint64_t>>
      asks_;                     // of each shard, which counters are to be asked for
  Mono lost_at_{INT64_MIN / 2};  // what was held may be lost, if it was before then
  // Who waits, of each connection: counter and number.
  std::unordered_map<std::uint32_t, std::set<std::pair<std::uint64_t, std::uint64_t>>> waiting_of_;
  std::set<std::pair<Mono, std::uint64_t>> alarms_;
  // Of who waits: when, which one, at which counter.
  std::set<std::pair<Mono, std::pair<std::uint64_t, std::uint64_t>>> deadlines_;
  std::vector<EntryAnswer> answers_;
  HoldStats stats_;
  std::size_t waiting_ = 0;
  std::uint64_t last_number_ = 0;
  std::uint64_t last_waiter_ = 0;
  std::int64_t last_sequence_ = 0;
  bool stopping_ = false;
};

}  // namespace rategate
