// One daemon of a host, from its start to its end: the real driver with gate, link and outbox, and
// the real table of shared pools, driven as daemon/io/loop/engine.cpp drives them. Its memory
// outlives it, as its clients have it mapped.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/shared/shm_check.h"
#include "daemon/store/driver.hpp"
#include "tests/sim/cluster_host.hpp"
#include "tests/sim/event_queue.hpp"
#include "tests/sim/host_clock.hpp"
#include "tests/sim/sim_transport.hpp"

namespace rategate::sim {

class World;

// The memory of a segment: zeros, at an address that 64 divides.
class Memory {
 public:
  explicit Memory(std::uint32_t slots);
  void* get() const { return bytes_.get(); }

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  std::unique_ptr<void, Free> bytes_;
};

// A check that came over the socket.
struct Ask {
  int limit = 0;
  int key = 0;
  std::int64_t cost = 1;
  std::uint32_t flow = 0;
  std::int64_t permits = 0;               // the limit's number then
  std::optional<BucketNumbers> bucket{};  // the same, of a bucket
  std::int64_t asked_us = 0;
  bool in_place = false;      // the daemon has decided it at once
  bool looks = false;         // nothing was to be taken: it is a peek
  std::int64_t waits_us = 0;  // not 0: it is in ACQUIRE
  std::int64_t allowed = 0;  // permits of its window that checks had been told of when it was asked
};

class Daemon final : public StoreEvents {
 public:
  // Every so manieth check that is decided at once is said again, so often at most.
  static constexpr std::int64_t kCopiedOneIn = 3;
  static constexpr std::int64_t kMostCopies = 20;
  // Beside every so manieth there is one that only looks, in schedules that have some.
  static constexpr std::int64_t kLookOneIn = 5;
  // So manieth waits in ACQUIRE, in schedules where some do, and so manieth of those goes away.
  static constexpr std::int64_t kAcquireOneIn = 2;
  static constexpr std::int64_t kGoOneIn = 4;
  // So manieth asks for several limits at once, in schedules where some do, and so manieth of those
  // goes away.
  static constexpr std::int64_t kCombineOneIn = 2;
  // Who took so manieth settles, in schedules where some do.
  static constexpr std::int64_t kSettleOneIn = 3;
  // Beside every so manieth check its limit is cleared, in schedules where some are.
  static constexpr std::int64_t kClearOneIn = 40;

  // `old`: the segment of the daemon before, for the mistake of adopting it.
  Daemon(World& world, int id, const HostClock& clock, const std::vector<Limit>& limits,
         std::shared_ptr<Memory> old);

  void start();
  void kill();
  // Gives back, answers all, and ends.
  void stop();
  bool alive() const { return alive_; }
  void pause(std::int64_t us);
  // With its host, whose processes stand still as well: their clock does.
  void suspend(std::int64_t us);
  bool was_paused() const { return paused_us_ > 0; }
  bool is_suspended() const { return suspended_us_ > 0; }
  void reload(const std::vector<Limit>& limits);
  // That to its first shard.
  void cut_link() { transports_.front().cut(); }
  // All of its connections to those nodes of the cluster end, or fall silent.
  void cut_off(const std::set<const Store*>& from, bool silent);

  // A check over the socket, by the client of that number. pump() is to follow.
  void ask(int limit, int key, std::int64_t cost, std::uint32_t flow);
  // One that costs a permit and waits in ACQUIRE for so long.
  void ask_in_line(int limit, int key, std::int64_t wait_us, std::uint32_t flow);
  void nudge(std::uint32_t slot);
  // What RESOLVE says, once ATTACH has been.
  rg_shm_rule resolve(int limit);
  std::uint64_t rules() const;
  rg_shm_view view() const;
  bool has_rule(std::uint64_t rule) const;
  std::string block_name(std::uint64_t rule, std::string_view key) const {
    return rules_.at(rule).use->names.block_of(key);
  }
  // Of a key's counter, of a rule whose counters are buckets.
  BucketNumbers bucket_numbers(std::uint64_t rule, std::string_view key) const;
  std::shared_ptr<Memory> memory() const { return memory_; }
  // A client spent that in its segment.
  void client_spent(std::uint64_t rule, std::int64_t cost) {
    rules_[rule].spent += cost;
    wanted_ += cost;
  }

  // One may have taken that by now, and says later whether it has; negative: it has said.
  void client_carries(std::uint64_t rule, std::int64_t cost) { rules_[rule].carried += cost; }

  // Everything is in its place; to be asked when nothing is under way.
  void check_books();
  const Gate& gate() const { return driver_.gate(); }
  Driver& driver() { return driver_; }
  // Of a cluster: in which it has the counter.
  ShardId shard_of(const std::string& counter) const {
    return cluster_->topology().shard_of(counter);
  }
  // Every shard that it knows of answers; all of the cluster's, where there is one.
  bool is_up() const;
  std::int64_t asked() const { return asked_; }
  std::int64_t answered() const { return answered_; }
  std::int64_t decided_at_once() const { return decided_at_once_; }
  // Checks that its clients have decided in its segment.
  void client_decided() { ++decided_by_clients_; }
  // One that took those of a slice, by a reading of the clock: it may say later that it used less,
  // or more.
  void client_took(int limit, int key, std::int64_t cost, std::int64_t end_ms,
                   std::int64_t read_us);
  std::int64_t decided_by_clients() const { return decided_by_clients_; }
  // The checks that wait, by ticket.
  const std::unordered_map<std::uint64_t, Ask>& waiting() const { return waiting_; }
  // Though nobody had told of a loss.
  bool took_for_lost() const { return !heard_of_loss_ && driver_.gate().stats().windows_lost > 0; }
  // Clears that are not answered.
  std::size_t clearing() const { return clearing_.size(); }

  // ---- For its transport.

  int id() const { return id_; }
  const HostClock& clock() const { return clock_; }
  Mono now() const;
  // Now, or when the host's daemon goes on; never, when it has ended.
  void when_awake(EventQueue::Event event);
  Link& link(ShardId shard) { return driver_.link(shard); }
  std::string_view peer() const { return transports_.front().peer(); }
  const Link& link() const { return driver_.link({0}); }
  void replied(Link& link, const Call& call, const Reply& reply, Mono received);
  void answered_again(std::uint64_t reservation, const ReserveAnswer& answer);
  // After each batch of events.
  void pump();

 private:
  void store_event(const StoreEvent& event) override;
  Gate::Options gate_options();
  void add_links();
  Mono next_turn() const;
  std::int64_t window_time(const Ask& ask, std::int64_t at_us);
  Ask begin(int limit, int key, std::int64_t cost, std::uint32_t flow);
  void check(const Request& request, Ask ask);
  void look(Ask ask);
  void acquire(const Ask& ask);
  struct InLine {
    std::uint64_t ticket;
    WaiterId waiter;
  };
  std::optional<InLine> wait_in_line(const Ask& ask);
  std::int64_t acquire_us(const Ask& ask);
  void go_away(std::uint64_t ticket, WaiterId waiter);
  bool combine(const Ask& first);
  void combine_all(std::vector<Ask> asks);
  bool combined(std::uint64_t ticket, Verdict verdict, const Decision& decision);
  void leave_combined_line(std::uint64_t ticket, const std::vector<Ask>& asks,
                           const Decision* told);
  void combined_told(const std::vector<Ask>& asks, Verdict verdict, const Decision& decision);
  void told_of(const Ask& ask, const Decision& decision, std::int64_t at);
  void acquired(std::uint64_t ticket, const Ask& ask, const Decision& decision);
  void saw(const Ask& ask, const Decision& decision);
  void clear(int limit, int key);
  void hand_out_cleared();
  // An answer that comes later is too late.
  std::int64_t answered_within_us() const;
  void settle_later(const Ask& ask, std::int64_t receipt, std::int64_t told_us);
  void settle(const Ask& ask, std::int64_t used, std::int64_t receipt, std::int64_t told_us);
  void took_back(const Ask& ask, std::int64_t back, std::int64_t receipt, std::int64_t told_us);
  void repeat(const Request& request, const Ask& ask, const Decision& decided);
  void told(const Ask& ask, Verdict verdict, const Decision& decision);
  void judge_block(const Ask& ask, const Decision& decision);
  void wake();
  void hand_out();
  void set_alarm();

  World& world_;
  int id_;
  HostClock clock_;
  bool alive_ = true;
  bool heard_of_loss_ = false;
  std::int64_t paused_until_ = 0;
  std::int64_t paused_us_ = 0;
  std::int64_t suspended_us_ = 0;
  std::deque<EventQueue::Event> asleep_;
  std::shared_ptr<Memory> memory_;
  std::unique_ptr<SharedPools> pools_;
  LimitTable table_;
  std::unique_ptr<ClusterHost> cluster_;  // null: the store is none
  Driver driver_;
  std::deque<SimTransport> transports_;  // one for each shard
  std::unique_ptr<Witness> witness_;     // null: there are no replicas
  Mono alarm_ = kNever;
  std::uint64_t tickets_ = 0;
  std::unordered_map<std::uint64_t, Ask> waiting_;
  std::unordered_map<std::uint64_t, std::vector<Ask>> combining_;  // the same of several limits
  // Of the same limits and keys those of them in ACQUIRE, by their tickets: as they came.
  std::map<std::vector<std::pair<int, int>>, std::set<std::uint64_t>> combined_lines_;
  // Of each limit and key those in ACQUIRE, in the order in which they came, and what they cost.
  std::map<std::pair<int, int>, std::map<std::uint64_t, std::int64_t>> acquiring_;
  std::set<std::uint64_t> overtaken_;                         // of them
  std::unordered_map<std::uint64_t, std::int64_t> clearing_;  // by ticket: since when
  struct Rule {
    LimitUsePtr use;
    std::int64_t spent = 0;    // by clients, as they say
    std::int64_t carried = 0;  // that clients may have taken, and have not told
  };
  std::map<std::uint64_t, Rule> rules_;
  std::int64_t wanted_ = 0;  // permits, by clients and over the socket, granted or not
  std::int64_t late_ = 0;    // permits of answers whose window was over
  std::int64_t asked_ = 0;
  std::int64_t answered_ = 0;
  std::int64_t decided_at_once_ = 0;  // of those
  std::int64_t decided_by_clients_ = 0;
};

}  // namespace rategate::sim
