// The store as a server: it answers calls, one after another, in the order in which they came to
// it. It may be slow, stand still, refuse, load, be a replica, come back empty. Tells the checker
// what it did.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/store/call.hpp"
#include "tests/sim/checker.hpp"
#include "tests/sim/event_queue.hpp"
#include "tests/sim/redis_model.hpp"

namespace rategate::sim {

class Store {
 public:
  // What it knows of a connection.
  struct Session {
    int daemon = 0;
    std::uint64_t number = 0;  // sessions of an earlier one are closed
    bool authenticated = false;
    bool asking = false;  // the next call is of a slot that is on its way to it
    bool left = false;    // its daemon has another connection by now, or none
  };
  struct Answer {
    bool is_error = false;
    std::string text;
    std::optional<StoreTime> time;
    bool reign_over = false;
    std::int64_t replicas = 0;
    std::vector<ReserveAnswer> answers;
    ClearAnswer clear{};
  };

  // A command that changed something.
  using Write = std::function<void(RedisModel&)>;
  // One of some servers.
  struct Server {
    std::string name;
    std::function<void(const Write&)> written;
    std::function<std::string()> replication;  // more lines of INFO
  };

  // One of a cluster.
  struct Node {
    std::int64_t skew_us = 0;  // its clock is ahead by so much
    // Why a call of those keys is not for it, as Redis says that; empty where it is.
    std::function<std::string(const std::vector<std::string>& keys, bool asking)> redirect;
  };

  Store(EventQueue& events, Checker& checker, bool wants_password)
      : events_(events), checker_(checker), wants_password_(wants_password) {}

  // Whether there is a process that takes connections.
  bool accepts() const { return events_.now() >= down_until_; }
  Session session_of(int daemon) const { return {daemon, sessions_, false}; }
  bool serves(const Session& session) const { return accepts() && session.number == sessions_; }

  // Runs the command when it is its turn, which takes the server so long as so many counters do.
  void serve(std::int64_t counters, EventQueue::Event command);
  Answer answer(Session& session, const Call& call);
  // INCR, and EXPIRE where it does not expire.
  void recipe(Checker::Account& account, std::int64_t expire_s);

  // ---- As one of some servers.

  void be(Server server);
  // It is the primary, of that history.
  void reign_as(std::uint64_t history);
  // It has what that one has, and is its replica from now on. Who is connected is thrown out.
  void follow(const Store& primary);
  bool is_replica() const { return replica_; }
  // Now, or when it no longer stands still.
  std::int64_t goes_on_us() const { return std::max(events_.now(), stalled_until_); }
  void apply(const Write& write) { write(model_); }
  // The process ends, and another one loads what it had.
  void restart_with_data(std::uint64_t history);
  const std::string& name() const { return server_.name; }

  // ---- As a node of a cluster.

  void join(Node node) { node_ = std::move(node); }
  bool holds(const std::string& key) { return model_.get(key, clock_us()).has_value(); }
  // In the order of their names.
  std::vector<std::string> keys_of_slot(std::uint16_t slot);
  // The key goes there as by MIGRATE: with its value, and with as much of its time as is left.
  void migrate(const std::string& key, Store& to);

  // ---- What befalls it.

  // So many counters a second is all that it, or the way to it, passes; 0: any number.
  void limit_rate(std::int64_t counters_per_s) {
    takes(0, counters_per_s == 0 ? 0 : 1'000'000'000 / counters_per_s);
  }
  // A call of reservations takes it so long, and each counter of it so much longer.
  void takes(std::int64_t call_ns, std::int64_t counter_ns) {
    call_ns_ = call_ns;
    counter_ns_ = counter_ns;
  }
  void stall(std::int64_t us) { stalled_until_ = std::max(stalled_until_, events_.now() + us); }
  // Its clock is set back by so much.
  void set_back(std::int64_t us) {
    set_back_us_ += us;
    checker_.set_back(us);
  }
  // It has no memory for anything new.
  void refuse(std::int64_t us) { refuses_until_ = events_.now() + us; }
  // Nobody reaches it.
  void cut_off(std::int64_t us) { down_until_ = std::max(down_until_, events_.now() + us); }
  // It takes no password for a while.
  void lock(std::int64_t us) { locked_until_ = events_.now() + us; }
  void flush_scripts() { knows_reserve_ = knows_release_ = false; }
  // Counters are gone, and nothing tells so.
  void forget_counters() { model_.forget_all(); }
  // The same, but that it has the record of its reign.
  void evict_counters() { keep_record_alone(true); }
  // The process ends; after a while another one starts, which loads for a while, and has nothing;
  // or nothing but the record of its reign, as from a snapshot of before its counters were made.
  void restart(std::int64_t down_us, std::int64_t loading_us, bool keeps_record);
  // Somebody says FLUSHALL: nobody's connection notices.
  void flush_all() { forget_all(false); }
  // It becomes a replica of an empty one, and a primary again: the same process, other data. Who is
  // still connected is thrown out then, as Sentinel does, or not, as after REPLICAOF NO ONE.
  void demote();
  void promote(bool throws_out);
  // A replica of it has all of its data up to now.
  void replicate() { replica_data_ = model_; }
  // It ends, and that replica becomes the primary in its place.
  void fail_over(std::int64_t down_us);

  // By the beginnings of counters' names: those that the user may not touch, and those that hold
  // something else.
  void forbid(std::string counters) { forbidden_.push_back(std::move(counters)); }
  // It takes no record of its reign.
  void forbid_records() { keeps_records_ = told_ = false; }
  void permit_all() { forbidden_.clear(); }
  void spoil(std::string counters) { spoilt_.push_back(std::move(counters)); }
  bool forbids(std::string_view counter) const;
  bool spoils(std::string_view counter) const;

  // ---- What it did.

  // Whether somebody has told it of its last loss, if there was any.
  bool knows_losses() const { return told_; }

  // For how long it was busy with calls of a limited rate, up to now.
  std::int64_t busy_us() const;
  std::int64_t refused_calls() const { return refused_calls_; }

 private:
  struct Command {
    std::int64_t counters;
    EventQueue::Event run;
  };
  std::int64_t clock_us() const { return events_.now() + node_.skew_us - set_back_us_; }
  void serve_next();
  std::int64_t takes_us(std::int64_t counters);
  void forget_all(bool but_the_record);
  void keep_record_alone(bool keeps);
  void lost_counters();
  void begin_process();
  Answer error(std::string text);
  bool loading() const { return events_.now() < loading_until_; }
  std::string info() const;
  std::string replication() const;
  Answer run_script(Session& session, const Call& call);
  Answer reign(const Call& call);
  void wrote(const Write& write);
  Answer reserve(int daemon, const Call& call);
  ReserveAnswer reserve_one(int daemon, const Reservation& request, std::int64_t now);
  std::vector<std::string> counters_of(std::span<const Reservation> reservations,
                                       std::int64_t now_us);
  Answer recount(const Call& call);
  Answer release(int daemon, const Call& call);
  Answer release_to_bucket(int daemon, const Release& release);
  Answer clear(const Session& session, const Call& call);
  Answer clear_bucket(const Session& session, const Clear& clear);

  EventQueue& events_;
  Checker& checker_;
  bool wants_password_;
  Server server_;
  Node node_;
  RedisModel model_;
  RedisModel replica_data_;
  bool was_replica_ = false;

  std::deque<Command> queue_;
  bool busy_ = false;
  std::int64_t busy_since_ = 0;
  std::int64_t busy_us_ = 0;
  std::int64_t call_ns_ = 0;
  std::int64_t counter_ns_ = 0;
  std::int64_t left_ns_ = 0;  // of what it took so far, less than a whole us

  std::int64_t set_back_us_ = 0;  // its clock was, in all
  std::uint64_t sessions_ = 1;
  std::uint64_t process_ = 1;
  std::uint64_t history_ = 1;  // of its data
  bool told_ = true;
  bool replica_ = false;
  bool knows_reserve_ = false;
  bool knows_release_ = false;
  std::int64_t down_until_ = 0;
  std::int64_t loading_until_ = 0;
  std::int64_t stalled_until_ = 0;
  std::int64_t locked_until_ = 0;
  std::int64_t refuses_until_ = 0;
  bool keeps_records_ = true;
  std::vector<std::string> forbidden_;
  std::vector<std::string> spoilt_;
  std::int64_t refused_calls_ = 0;
};

}  // namespace rategate::sim
