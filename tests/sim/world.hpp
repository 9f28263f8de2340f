// One schedule: hosts with their daemons and processes, the store, callers of the recipe, and what
// befalls them.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/checker.hpp"
#include "tests/sim/cluster.hpp"
#include "tests/sim/daemon.hpp"
#include "tests/sim/event_queue.hpp"
#include "tests/sim/judge.hpp"
#include "tests/sim/process.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/replicas.hpp"
#include "tests/sim/scenario.hpp"
#include "tests/sim/store.hpp"

namespace rategate::sim {

class World {
 public:
  explicit World(const Scenario& scenario);
  ~World();

  // The whole schedule. What was not true of it, or "".
  std::string run();
  // The same, with the first `busy` hosts' processes asking for one permit each `gap_us`, about,
  // and nobody else but now and then.
  std::string run_evenly(int busy, std::int64_t gap_us);
  // The same, with those asking whom that plans.
  std::string run_with(const std::function<void()>& plan) {
    plan();
    return run_planned();
  }

  const Scenario& scenario() const { return scenario_; }
  EventQueue& events() { return events_; }
  Random& random() { return random_; }
  Store& store() { return store_; }
  // The server to which that host connects.
  Store& store_of(int host) { return replicas_ ? replicas_->believed(host) : store_; }
  std::unique_ptr<Witness> witness_of(Daemon& daemon) {
    return replicas_ ? replicas_->witness_of(daemon) : nullptr;
  }
  void wait_for_replicas(Store& store, const Call& call, Replicas::Acknowledged then) {
    Replicas& servers = cluster_ ? cluster_->shard_of(store) : *replicas_;
    servers.wait(store, call.replicas, call.wait_ms * 1000,
                 [&store, then = std::move(then)](std::int64_t replicas) {
                   store.serve(0, [then, replicas] { then(replicas); });
                 });
  }
  Checker& checker() { return checker_; }
  Judge& judge() { return *judge_; }
  std::int64_t end_us() const { return end_us_; }
  // Of the host; null while none runs.
  Daemon* daemon(int host);
  // Null: the store is none.
  Cluster* cluster() { return cluster_.get(); }
  // The name of one of its counters, of whichever window.
  std::string counter(int limit, int key);
  // The same; of a limit that is spread one of its counters.
  std::string any_counter(int limit, int key);
  // The first of the host.
  Process& process(int host) { return *hosts_[static_cast<std::size_t>(host)].processes.front(); }
  // As many as are asked for.
  std::string_view key(int limit, int key);
  template <class Visit>
  void each_process(const Visit& visit) {
    for (Host& host : hosts_) {
      for (auto& process : host.processes) visit(*process);
    }
  }
  // Of the window that is open at that time.
  Checker::Account& account(int limit, int key, std::int64_t at_us);

  // For who asks past the processes.
  void count_check() { ++checks_; }

  struct Totals {
    std::int64_t checks = 0;
    std::int64_t allowed = 0;
    std::int64_t shared = 0;    // permits
    std::int64_t put_back = 0;  // the same, that were taken in vain
    std::int64_t stranded = 0;
    std::int64_t reserved = 0;
    std::int64_t events = 0;
    std::int64_t groups_granted = 0;  // that were decided by one call
    std::int64_t groups_denied = 0;
  };
  Totals totals() const;

 private:
  struct Host {
    HostClock clock;
    std::vector<Limit> limits;
    Daemon* daemon;
    std::vector<std::unique_ptr<Process>> processes;
  };

  Limit limit_of(const LimitPlan& plan) const;
  void add_rules(Limit& limit, std::int64_t scale) const;
  void add_host(int number);
  void start_daemon(int host);
  void in_force(int number, const Limit& limit, std::int64_t from_us);
  void out_of_force(int number, const Limit& limit, std::int64_t until_us);
  std::string run_planned();
  void plan_checks();
  void next_even_check(Process& process, std::int64_t gap_us);
  void next_check(Process& process, std::int64_t gap_us);
  void plan_recipe();
  void next_recipe(std::int64_t skew_us, std::int64_t gap_us);
  void plan_faults();
  void plan_store_faults();
  void replace_store(const std::function<void()>& how);
  void lose_store(const std::function<void()>& how);
  void demote_store();
  void replicate();
  void cut_all();
  void some_times(int times, const std::function<void()>& fault);
  void end_daemon(int host, bool orderly);
  void reload_all();
  void reload(int host, const std::vector<std::int64_t>& permits, std::int64_t scale);
  void step();
  std::int64_t longest_period_us() const;
  // When the limit's next window begins.
  std::int64_t edge_after(int limit, std::int64_t us) const;
  bool is_near() const;

  Scenario scenario_;
  EventQueue events_;
  Random random_;
  Checker checker_;
  Store store_;
  std::unique_ptr<Replicas> replicas_;  // or these
  std::unique_ptr<Cluster> cluster_;    // or this
  std::unique_ptr<Judge> judge_;
  std::deque<std::string> keys_;
  std::vector<Limit> base_limits_;
  std::vector<Host> hosts_;
  std::vector<std::unique_ptr<Daemon>> daemons_;  // all that ever ran
  std::int64_t end_us_;
  std::int64_t checks_ = 0;
  int depth_ = 0;
};

}  // namespace rategate::sim
