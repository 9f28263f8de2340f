// One schedule of limits of concurrency: hosts, of which each has the daemon's own HoldKeeper, and
// a store with the daemon's own HoldRecord. Calls and answers are lost, late, and overtake each
// other where a connection was lost; daemons are killed and others take their places; the store
// goes away, and loses what it has. At every moment what is in flight on hosts whose hold is good,
// and was entered under it, is at most the limit; and nobody is let in under a hold that is over
// (docs/concurrency.md).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/core/hold_keeper.hpp"
#include "tests/sim/event_queue.hpp"
#include "tests/sim/host_clock.hpp"
#include "tests/sim/random.hpp"

namespace rategate::sim {

class Flight {
 public:
  explicit Flight(std::uint64_t seed);
  ~Flight();

  // What was not true of it, or "".
  std::string run();
  std::int64_t handled() const { return static_cast<std::int64_t>(events_.happened()); }
  std::int64_t entered() const { return entered_; }

 private:
  struct Working {
    std::uint64_t entry = 0;
    std::int64_t cost = 1;
    std::uint32_t flow = 0;
    bool lapsed = false;  // the hold that it was entered under is over
  };
  // A daemon, from its start to its end; kept for its clients, who may work on.
  struct Daemon {
    int host = 0;
    std::vector<Shard> shards;
    std::unique_ptr<HoldKeeper> keeper;  // null: it was killed
    StoreTime until{INT64_MIN};          // its hold, as it believes
    std::map<std::uint64_t, Working> working;
    struct Asked {
      std::int64_t cost = 1;
      std::uint32_t flow = 0;
    };
    std::map<std::uint64_t, Asked> waiting;  // by ticket
    std::uint64_t connection = 0;            // its number; 0: it has none
    std::uint64_t reign = 0;                 // of the store, as greeted
    std::int64_t last_out_us = 0;
    std::int64_t last_in_us = 0;
    std::int64_t unanswered = 0;
  };
  using DaemonPtr = std::shared_ptr<Daemon>;

  Mono now(const Daemon& daemon) const;
  void start(int host);
  void kill(int host);
  void connect(const DaemonPtr& daemon);
  void greeted(const DaemonPtr& daemon, std::uint64_t connection, Mono sent);
  void lose(const DaemonPtr& daemon);
  void ask(const DaemonPtr& daemon);
  void arrive(const DaemonPtr& daemon, std::uint64_t connection, const HoldAsked& asked, Mono sent);
  void deliver(const DaemonPtr& daemon, std::uint64_t connection, const HoldAsked& asked, Mono sent,
               const HoldAnswer& answer, bool reign_over);
  // To be called after each event of a daemon.
  void pump(const DaemonPtr& daemon);
  void wake(const DaemonPtr& daemon);
  void next_client(int host);
  void client(const DaemonPtr& daemon);
  void compare(const HoldLook& look, const EntryRequest& request, const EntryResult& result);
  void entered(const DaemonPtr& daemon, std::uint64_t entry, std::int64_t cost, std::uint32_t flow);
  void leave(const DaemonPtr& daemon, std::uint64_t entry);
  void plan_faults();
  void lose_store();
  void judge_hold(const Daemon& daemon);
  void follow_hold(Daemon& daemon);
  void look();
  std::int64_t delay();
  bool faulty() const { return events_.now() < calm_us_; }
  void fail(const std::string& what);
  std::string finish();

  EventQueue events_;
  Random random_;
  std::int64_t limit_ = 1;
  std::int64_t ttl_ms_ = 1000;
  std::int64_t calm_us_ = 0;  // from then on nothing befalls anybody
  std::int64_t end_us_ = 0;
  std::int64_t delay_us_ = 300;
  std::int64_t slow_us_ = 0;
  std::int64_t work_us_ = 0;
  std::int64_t gap_us_ = 0;
  bool bursts_ = false;
  LimitUsePtr use_;
  std::vector<HostClock> clocks_;
  std::vector<DaemonPtr> daemons_;  // one for each host
  std::vector<DaemonPtr> all_;
  HoldRecord record_;
  std::uint64_t reign_ = 1;
  std::int64_t lost_us_ = 0;
  std::int64_t down_until_us_ = 0;
  std::uint64_t connections_ = 0;
  std::uint64_t tickets_ = 0;
  std::uint32_t flows_ = 0;
  std::int64_t entered_ = 0;
  std::string failure_;
};

}  // namespace rategate::sim
