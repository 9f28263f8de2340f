// What one schedule is made of: drawn from its seed, and nothing else. A cut takes something out of
// it, or makes it smaller, so that a failure can be looked at with little around it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/limit/limit.hpp"

namespace rategate::sim {

// What a schedule is mostly about. Each is checked for the same, and some for more by a Judge of
// their own; Outside has faults that the promise does not cover, and is only checked for crashes
// and for checks without an answer.
enum class Kind : std::uint8_t {
  Mixed,     // some of everything
  Hot,       // one key, several processes, the limit reached in each window
  Slots,     // more keys than slots, two limits in one table, processes that pause
  Edges,     // checks around the edges of windows, slow and lopsided ways to the store
  Faults,    // connections lost, errors, hosts paused, killed, stopped, started
  Recipe,    // callers of the old recipe with wrong clocks
  Reload,    // numbers change under way
  Long,      // windows of 10 s to a day, costs, quiet times
  Many,      // up to 200 hosts
  Outside,   // the store loses counters, and nothing may tell so
  Greeting,  // the store is restarted and replaced, loads, takes no password, and is greeted in
             // vain
  Overload,  // more is asked than the way to the store passes
  Refusals,  // the store refuses some counters of calls that hold others as well
  Unfair,    // one client asks without end beside others: the turn of the loop alone
  Weighted,  // checks cost large parts of the limit
  Failover,  // a replica is promoted that lacks some writes, and the old primary goes on
  Recount,   // the store loses counters of long windows, which are counted on
  Cluster,   // some shards, between which slots are moved, and of which replicas are promoted
  Bucket,    // token buckets, under what befalls other kinds
  Calendar,  // windows of unequal length, under the same
  Log,       // sliding windows, under the same
  // Not drawn, as it is long: what a fleet asks of one primary (fleet.hpp).
  Fleet,
};
inline constexpr int kKinds = 21;  // that are drawn
std::string_view name_of(Kind kind);
std::optional<Kind> kind_of(std::string_view name);

struct LimitPlan {
  std::string name;
  std::int64_t permits = 0;
  std::int64_t period_ms = 0;
  Mode mode = Mode::Auto;
  OnStoreDown on_store_down = OnStoreDown::Deny;
  OnStoreLost on_store_lost = OnStoreLost::Deny;
  std::string redis_key;
  bool keyed = true;
  std::int64_t spread = 1;
  bool uneven = false;     // its windows are those of an UnevenCalendar
  bool log = false;        // a sliding window
  bool bucket = false;     // a token bucket ...
  std::int64_t burst = 0;  // ... of so many permits
};

// Less would be within what a host's reading of the store's clock may be wrong by.
inline constexpr std::int64_t kLeastSetBackUs = 300'000;

// A time of an overload.
struct Phase {
  std::int64_t settle_us = 0;  // until it is judged ...
  std::int64_t judged_us = 0;  // ... for so long
  std::int64_t rate = 0;       // counters a second that the way to the store passes
  std::int64_t demand = 0;     // cold keys a second that are asked for
};

struct Scenario {
  std::uint64_t seed = 0;
  Kind kind = Kind::Mixed;
  Kind base = Kind::Mixed;  // of Bucket, Calendar and Log: what befalls them is as in that kind
  std::int64_t start_us = 0;
  std::int64_t length_us = 0;
  std::vector<LimitPlan> limits;
  int hosts = 1;
  int processes = 1;  // of each host
  int keys = 1;       // of each limit that has any
  std::uint32_t slots = 16;
  std::int64_t max_cost = 1;
  std::int64_t gap_us = 1000;  // between two checks of one process, about
  std::int64_t quiet_us = 0;   // for so long the first host asks nothing
  int edge_percent = 0;        // of the checks come right around a window's edge
  int single_percent = 0;      // of the checks cost one permit (Weighted)
  int socket_percent = 0;      // of the processes have no shared memory
  std::int64_t max_error_us = 100'000;
  int batch = 1;                  // checks that come together, where they come evenly
  bool pipelines = true;          // some checks are asked again and again at the same moment
  bool peeks = false;             // some are asked for once more, to look only
  bool acquires = false;          // some wait in ACQUIRE
  bool combines = false;          // some ask for several limits at once
  bool groups = false;            // of which the store decides by one call
  bool rules = false;             // some keys have numbers of their own
  bool settles = false;           // some say later that they used less than they took, or more
  bool blocks = false;            // who is denied is blocked for a while
  bool clears = false;            // some limits are to begin anew, now and then
  bool settles_in_store = false;  // where that goes, instead of back to the host

  std::int64_t delay_us = 100;      // one way to the store: this on average ...
  std::int64_t least_delay_us = 0;  // ... on top of this
  std::int64_t lopsided_us = 0;     // more on one of the ways
  int far_hosts = 0;                // the last ones, for which each way takes ...
  std::int64_t far_us = 0;          // ... so much more
  int slow_one_in = 50;             // messages that take up to slow_us
  std::int64_t slow_us = 0;
  std::int64_t command_timeout_us = 250'000;
  int full_one_in = 0;     // writes after which the socket takes no more for a while; 0: none
  int garbled_one_in = 0;  // replies that cannot be understood
  bool password = false;   // the store wants one
  bool database = false;   // another than 0 is used

  // How many times, over all hosts.
  int losses = 0;                // of a connection
  int pauses = 0;                // of a host's daemon
  int kills = 0;                 // of a host's daemon, or an orderly stop; another starts
  int reloads = 0;               // on every host, at slightly different times
  int refusals = 0;              // times in which the store answers with errors
  int stalls = 0;                // times in which the store answers nobody
  int outages = 0;               // times in which nobody reaches the store
  int flushes = 0;               // of the store's scripts
  int restarts = 0;              // of the store, which loses its counters (Outside and Greeting)
  int promotions = 0;            // of a store that was an empty one's replica meanwhile (Greeting)
  int flushalls = 0;             // of the store's data (Greeting)
  int failovers = 0;             // to a replica that lacks the last writes (Greeting)
  std::int64_t lag_us = 0;       // the writes of so long, about
  int servers = 0;               // a primary and its replicas (Failover)
  bool sentinels = false;        // which tell who the primary is
  bool strict = false;           // all replicas have to acknowledge, and nothing else is proved
  int shards = 0;                // of a cluster; 0: it is none (Cluster)
  int replicated = 0;            // of them, that have a replica
  int moves = 0;                 // of a slot
  int cut_offs = 0;              // of a host from the nodes of one shard
  bool torn = false;             // keys of a slot that leaves after a loss are apart for seconds
  std::int64_t skew_us = 0;      // the shards' clocks are apart by so much at most
  int set_backs = 0;             // of the store's clock (Bucket and Log) ...
  std::int64_t set_back_us = 0;  // ... by so much at most
  int evictions = 0;             // in which the store loses all counters, and nothing tells so
  int lockouts = 0;              // times in which the store takes no password (Greeting)
  bool late = false;             // a host is away while it is settled what was lost (Recount)
  bool no_records = false;       // the store takes no record of its reign (Greeting)
  int cut_greeting_percent = 0;  // replies to a greeting instead of which the connection is cut
  int differing = 0;             // hosts that have other numbers for the limits
  int recipe_callers = 0;
  std::int64_t recipe_skew_us = 0;  // their clocks are off by so much at most
  int step_percent = 0;             // of the steps on shared memory at which a process is paused
  std::int64_t step_us = 0;         // for so long at most

  // Overload: one client asks for most of the cold keys, some for few, and some keys are hot.
  std::vector<Phase> phases;
  int modest = 0;                  // clients that ask less than an equal share
  std::int64_t modest_gap_us = 0;  // each of them
  bool bursts = false;  // the greedy client asks at once for what else it asks for in a time-out
  int hot_keys = 0;
  std::int64_t hot_gap_us = 0;     // each of them
  std::int64_t hot_before_us = 0;  // for so long they are asked for before the first phase
  std::int64_t stall_us = 0;       // the store stands still for so long once the load has fallen

  // Fleet.
  std::int64_t warm_us = 0;  // until it is measured

  // Refusals, by the beginnings of counters' names.
  std::vector<std::string> forbidden;
  std::vector<std::string> spoilt;
  std::int64_t forbidden_us = 0;  // for how long

  // Whether hosts have to hear of what the store has lost.
  bool judges_losses() const { return is_like(Kind::Greeting) || kind == Kind::Recount; }
  // Counters are of no windows.
  bool lasts() const { return kind == Kind::Bucket || kind == Kind::Log; }
  // What befalls them is as in that kind.
  bool is_like(Kind other) const {
    return (lasts() || kind == Kind::Calendar ? base : kind) == other;
  }
};

// The schedule of that seed; its kind is drawn, too, unless it is said.
Scenario scenario_of(std::uint64_t seed, std::optional<Kind> kind);

// The names of all cuts, in the order in which they are worth a try.
const std::vector<std::string>& cuts();
// False where it changes nothing any more.
bool apply_cut(Scenario& scenario, std::string_view cut);

}  // namespace rategate::sim
