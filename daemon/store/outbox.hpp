// What is asked of one primary, and when: the one queue between the checks that wait and the store.
//
// It pulls. A call is composed when it can be written, from who waits then; nothing waits behind it
// that was composed earlier. So a check whose time is nearly over is not asked for, what is asked
// for can still be used when the answer comes, and a way that is too slow for what is asked of it
// serves as much as it passes. The policy, and what simpler ones did: docs/overload.md.
//
//   free time  F = T - r       T: command_timeout, r: the shortest round trip of late
//   write-by   a check is asked for while its time left is at least r + max(F/4, what the last
//              calls waited beyond r, twice, at most 0.9 F); the second part while calls are under
//              way, and as far as it would be as long with as much under way as there is now
//   window W   counters under way, 32 at first, 1 to 512: as many as passed at the pace that the
//              last answers show, in the time r + F/4 that an answer should take; and half as many
//              beside it, for clients that want no more than an equal part of it
//   turn       round robin by client, a whole round in F/8; every eighth counter a lease, and
//              more where nobody waits
//
// Pure: time comes in. Not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/core/gate.hpp"
#include "daemon/store/call.hpp"
#include "daemon/store/host_count.hpp"
#include "daemon/store/late_answers.hpp"

namespace rategate {

class Outbox {
 public:
  // Of one call: what keeps it short, for the store serves nobody else meanwhile.
  static constexpr std::size_t kMostCounters = 64;
  static constexpr std::size_t kMostWords = 1024;
  // Calls under way, on a short way: enough that the store never waits for the next.
  static constexpr std::size_t kMostCalls = 8;

  // What a greeting has brought.
  struct Scripts {
    std::string reserve;  // names in the store; empty: not known there
    std::string release;
  };
  struct Opened {
    Scripts scripts;
    std::string reign;              // what the record of it holds; empty: it is kept nowhere
    bool proves = false;            // a Replication call goes behind each write of reservations
    std::int64_t replicas = 0;      // that are waited for where they are to acknowledge it ...
    std::int64_t min_replicas = 0;  // ... and in any case
    bool another_primary = false;
    Mono sent, received;  // of its TIME
  };
  struct Answered {
    Call call;
    Mono sent;
  };

  // `by_slot`: a call may have keys of one slot of a Redis Cluster only.
  Outbox(Gate& gate, ShardId shard, std::int64_t command_timeout_us, std::uint64_t jitter_seed,
         bool by_slot = false);

  // A connection is greeted. Another primary has another way.
  void opened(Opened opened);
  // The connection is gone: what was under way will not be answered on it.
  void closed();

  // Composes what may be asked now, and writes it to the transport. `acknowledge`: what is reserved
  // is to be followed by the replicas at once, between two readings of how far they are, unless
  // something else is just now.
  void write(Transport& transport, Mono now, bool acknowledge = false);
  // Whether the hosts are counted, and where this leads: of a cluster in one shard.
  void count_hosts(bool here) { counts_hosts_ = here; }
  // Asks for a reservation whose counter is on its way there, by the next write().
  void ask(Reservation reservation) { to_ask_.push_back(std::move(reservation)); }
  // The next reply has come: the call it belongs to.
  Answered replied(Mono received);
  // Whether a Replication call goes behind each write of reservations.
  bool proves() const { return proves_; }
  bool expects_reply() const { return !under_way_.empty(); }
  // Whether the store knows the scripts by name; else their whole text is sent.
  void scripts_known(bool known) { scripts_known_ = known; }
  // The same of the script of holds, which its first call makes known.
  void hold_script_known(bool known) { hold_script_known_ = known; }
  // The memory of an answered call, for the next one.
  void recycle(Call call);

  // The store is asked whether it has lost what it counted, where that has to be known here and
  // nothing else has told for so long.
  static constexpr std::int64_t kHearEveryUs = 2'000'000;
  // When something is to be asked that nobody waits for; kNever: nothing.
  Mono asks_at() const { return std::min(hears_at(), hosts_at_); }

  // Since when the store is silent although it was asked: kNever when it owes no answer.
  Mono silent_since() const;
  // How late the answers of this connection are.
  const LateAnswers& late() const { return late_; }
  // Counters under way at most, and now.
  std::int64_t window() const { return static_cast<std::int64_t>(window_); }
  std::int64_t counters_under_way() const { return counters_under_way_; }
  // Time that a check must have left to be asked for, with calls under way as they are.
  std::int64_t write_by_us() const;

 private:
  struct UnderWay {
    Call call;
    Mono sent = kNever;
    std::int64_t counters = 0;
    std::int64_t under_way = 0;  // counters when it was sent, its own as well
    bool alone = false;          // no other call was under way before it
    bool ends_batch = true;      // of what was composed at a time, the last call
    bool beside = false;         // of the window: for clients that wanted few
    bool acknowledges = false;   // all replicas are to, for a proof
  };

  // For whom is asked: whoever's turn it is, or who wants few counters, for whom there is room
  // beside the window.
  enum class For : std::uint8_t { Anybody, Few };
  bool is_acknowledging() const;
  bool may_reserve(For whom) const;
  std::int64_t room(For whom) const;
  std::size_t equal_part() const;
  bool write_reservations(Transport& transport, For whom, Mono now);
  Call new_call();
  void send_by_slot(Transport& transport, Call call);
  void write_asked(Transport& transport);
  void fill(Call& call, std::size_t most, For whom, Mono now);
  bool next_reservation(Pull& pull, Mono now, Reservation& into);
  std::size_t most_calls() const;
  Mono hears_at() const;
  bool tells_of_loss(Call::Kind kind) const;
  void hear(Transport& transport, Mono now);
  void write_host_count(Transport& transport, Mono now);
  void write_recounts(Transport& transport, Mono now);
  void write_clears(Transport& transport);
  bool write_holds(Transport& transport, Mono now);
  void write_releases(Transport& transport);
  // In a cluster the record is in another slot than the counters, and no call can have both.
  std::string compared_reign() const { return by_slot_ ? std::string() : reign_; }
  void send(Transport& transport, Call call);
  void learn_shortest(std::int64_t trip_us, Mono received);
  void adapt(std::int64_t trip_us, const UnderWay& call);
  std::int64_t shortest_us() const;
  std::int64_t free_us() const;
  std::int64_t target_us() const;
  std::int64_t waits_us() const;

  Gate& gate_;
  const ShardId shard_;
  const std::int64_t timeout_us_;
  const bool by_slot_;
  Scripts scripts_;
  std::string reign_;
  bool proves_ = false;
  std::int64_t replicas_ = 0;
  std::int64_t min_replicas_ = 0;
  bool scripts_known_ = false;
  bool hold_script_known_ = false;
  std::vector<Reservation> to_ask_;
  std::deque<UnderWay> under_way_;
  std::size_t unsent_ = 0;  // how many at its end are not written yet
  std::size_t holds_under_way_ = 0;
  std::size_t calls_under_way_ = 0;
  std::int64_t counters_under_way_ = 0;
  std::int64_t beside_under_way_ = 0;  // of those, beside the window
  Mono last_reply_{INT64_MIN};
  Mono heard_{INT64_MIN};  // that the store still has what it counted
  LateAnswers late_;

  // What the way is like.
  double window_;
  std::array<std::int64_t, 2> shortest_us_{};  // of this and the last period of time, 0: none
  Mono shortest_since_;
  std::int64_t round_ = 0;  // counters that pass in F/8 at the pace of the last answer
  struct Trip {
    std::int64_t us = 0;
    std::int64_t under_way = 1;  // counters when it was sent, its own as well
  };
  std::array<Trip, 16> last_trips_;
  std::size_t trips_ = 0;
  std::uint32_t turn_ = 0;  // counts counters, for the leases' eighth

  bool counts_hosts_ = false;
  HostCount hosts_;
  Mono hosts_at_ = kNever;  // when that asks next

  std::vector<std::vector<Reservation>> spare_;  // memory of answered calls
};

}  // namespace rategate
