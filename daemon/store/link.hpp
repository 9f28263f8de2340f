// The life of the connection to one primary: when it is made, greeted, used, given up and tried
// again, and what each reply means to the gate.
//
//   connecting ──> greeting ──> up ──lost──> connecting (at once)
//       ▲             │          │
//       └── back-off <┴──────────┘ not reached, refused, silent for command_timeout, or each
//                                  answer later than that
//
// Pure: a transport carries, time comes in, and what is worth telling goes out as StoreEvents. The
// daemon runs it over hiredis, the simulation over its own messages. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/base/random.hpp"
#include "daemon/base/time.hpp"
#include "daemon/core/gate.hpp"
#include "daemon/store/call.hpp"
#include "daemon/store/cluster/shard_guide.hpp"
#include "daemon/store/connecting.hpp"
#include "daemon/store/greeting.hpp"
#include "daemon/store/held_answers.hpp"
#include "daemon/store/outbox.hpp"
#include "daemon/store/primary_proof.hpp"
#include "daemon/store/store_event.hpp"
#include "daemon/store/witness.hpp"

namespace rategate {

struct StoreStatus {
  std::string address;  // as a person would write it, without password
  std::string version;  // of the store's software; empty while unknown
  std::string run_id;
  std::string error;   // why it is away, or refuses; empty when all is well
  std::string evicts;  // the policy by which it may evict counters; empty when it does not
  std::uint64_t reconnects = 0;
};

class Link {
 public:
  struct Options : WayOptions {
    ShardId shard{0};
    std::string address;
    // So many replicas have to acknowledge what is reserved before it is used.
    std::int64_t min_replicas = 0;
    // What the primary has to prove that it still is one; null: nothing. Outlives the link.
    Witness* witness = nullptr;
    // Of a shard of a Redis Cluster; null: it is none. Outlives the link.
    ShardGuide* guide = nullptr;
    Greeting::Options greeting;
  };
  enum class State : std::uint8_t { Stopped, Backoff, Connecting, Greeting, Up };

  // All outlive it.
  Link(const Options& options, Gate& gate, Transport& transport, StoreEvents& events);

  // A shard of a cluster is connected to when moved() tells where it is, the first time, too.
  void start(Mono now);
  // What may be written is; the rest is let go. Nothing is told after it.
  void stop(Mono now);

  // Whether there is a password, from the next greeting on.
  void set_auth(bool auth) { greeting_.set_auth(auth); }
  // What it failed by may be mended: a back-off ends now.
  void try_again(Mono now);

  // What the transport has found out by itself: news of this shard.
  void tell_news(StoreEvent::What what, std::string_view why = {});

  // A reservation that another shard refused, as its counter is on its way here.
  void ask(Reservation reservation, Mono now);

  // The transport's events.
  void connected(Mono now);
  // It could not be made, or has ended.
  void closed(std::string_view why, Mono now);
  // The primary is another one now, at that address as a person would write it, or is known at
  // last: what there was of a connection is left, and one is made at once.
  void moved(std::string_view address, Mono now);
  // The next reply, `received` right after it was read.
  void replied(const Reply& reply, Mono received, Mono now);

  // Time-outs, and the end of a back-off; to be called at next_turn().
  void turn(Mono now);
  Mono next_turn() const;
  // Writes what may be written.
  void pump(Mono now);

  State state() const { return state_; }
  const StoreStatus& status() const { return status_; }
  const Outbox& outbox() const { return outbox_; }
  // Reservations are answered, and are used when the store has said who it is.
  bool holds_answers() const { return !held_.empty(); }

 private:
  void connect(Mono now);
  void greet();
  void on_greeting(const Reply& reply, Mono received, Mono now);
  void refused(const std::string& why, Mono now);
  void greeted(Mono now);
  std::string known_reign() const;
  std::string new_token();
  void lost(std::string_view why, Mono now);
  void away(std::string_view why, Mono now);
  void back_off(Mono now);
  void on_answer(Outbox::Answered answered, const Reply& reply, Mono received, Mono now);
  void on_reservations(Outbox::Answered answered, const Reply& reply, Mono received, Mono now);
  void on_hold_refused(const Call& call, std::string_view error, Mono now);
  void on_clear(const Call& call, const Reply& reply, Mono now);
  void on_record(const std::string& reign, const Reply& reply, Mono now);
  void on_recounts(const Call& call, const Reply& reply, Mono now);
  void on_recounts_refused(const Call& call, std::string_view error, Mono now);
  void on_acknowledged(const Reply& reply);
  void on_replication(const Reply& reply, Mono sent, Mono now);
  // Whether somebody may take its place, as far as is configured.
  bool is_replaceable() const { return proof_.is_required() || options_.min_replicas > 0; }
  void prove(Mono now);
  bool may_write() const;
  void drop_connection();
  void use_held(Mono now);
  void use(const HeldAnswers::Held& held, Mono now);
  void on_refusal(const Call& call, std::string_view error, Mono now);
  void tell_on_its_way(const Redirect& redirect, const std::string& counter, Mono now);
  void on_redirect(const Call& call, const Redirect& redirect, Mono now);
  void store_refuses(std::string_view error, Mono now);
  void measured(Mono sent, Mono received, StoreTime time);
  void tell_pace(Mono now);
  void tell_limit_refused(const Limit& limit, std::string_view error);
  void tell_if_ahead(const Reservation& reservation, const ReserveAnswer& answer);
  void tell(StoreEvent::What what, std::string_view why = {}, std::int64_t number = 0);
  Shard& shard() { return gate_.shard(options_.shard); }

  const Options options_;
  Gate& gate_;
  Transport& transport_;
  StoreEvents& events_;
  State state_ = State::Stopped;
  Mono until_ = kNever;  // of the back-off, of the connecting, of the greeting
  Greeting greeting_;
  PrimaryProof proof_;
  bool greeting_written_ = false;
  bool greeting_unproved_ = false;  // it is complete, but for the proof
  Mono greeting_sent_;
  Outbox outbox_;
  std::string known_run_id_;  // as of the last whole greeting
  std::string known_replid_;
  std::string known_reign_;                    // the record of it
  std::string known_record_key_, record_key_;  // its key in a cluster: then, and at this greeting
  HeldAnswers held_;
  Mono unproved_since_ = kNever;  // nothing proves that it still is the primary, though it says so
  std::string refused_greeting_;  // why the last one was, since the store was up
  bool record_refused_ = false;   // once, by a store that took no writes
  bool clock_trusted_ = true;     // as of the last measurement
  std::uint64_t attempts_ = 0;    // since it was last of use
  Mono up_since_;
  std::uint64_t not_asked_ = 0;  // the shard's number, as it was looked at last
  Mono keeps_at_;                // when it may be told that the store keeps up again
  Random random_;
  StoreStatus status_;
};

}  // namespace rategate
