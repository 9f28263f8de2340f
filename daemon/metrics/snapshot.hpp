// What there is to know about the daemon at one moment, as plain values: the I/O layer fills it,
// and INFO, LIMITS and the status line are made of it. What each value means stands in the table
// (table.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/gate.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {

struct ProcessFacts {
  std::string_view version;
  std::int64_t pid = 0;
  std::int64_t uptime_s = 0;
  std::string socket;
  std::string config_file;
  std::uint64_t log_lines_dropped = 0;
  std::int64_t loop_longest_us = 0;
};

struct ClientFacts {
  std::size_t open = 0;
  std::size_t most = 0;  // max_clients, or what RLIMIT_NOFILE allows for
  std::size_t buffer_bytes = 0;
};

// What is counted of connections and their requests, as GateStats is of checks.
struct SessionStats {
  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  std::uint64_t requests = 0;
  std::uint64_t protocol_errors = 0;
  std::uint64_t attached = 0;
  std::uint64_t attach_refused = 0;
};

struct StoreFacts {
  std::string_view kind;   // "redis", "memory"
  std::string_view state;  // "up", "connecting", "away", "refusing"
  std::string address;
  std::string version;
  std::string run_id;
  std::string error;
  std::string password_error;  // why the newest password is not in use
  std::uint64_t reconnects = 0;
  std::optional<std::size_t> counters;  // of the memory store
};

// All empty where there are no sentinels, but for the changes, which a cluster has as well.
struct SentinelFacts {
  std::string_view master;
  std::optional<std::size_t> configured;
  std::optional<std::size_t> answering;
  std::optional<std::size_t> agreeing;
  std::optional<std::uint64_t> primary_changes;
  std::optional<std::size_t> replicas;  // of the primary in use; nothing where not known
  std::optional<std::int64_t>
      proof_age_us;  // likewise: since it was asked for by whom it was named
};

// All empty where there is no cluster.
struct ClusterFacts {
  std::optional<std::size_t> shards;
  std::optional<std::size_t> up;
  std::optional<std::size_t> away;
  std::optional<std::size_t> slots_unserved;
};

struct ClockFacts {
  std::optional<std::int64_t> offset_us;  // nothing before the first measurement
  std::optional<std::int64_t> error_us;
  bool trusted = false;           // at this moment
  bool measured_trusted = false;  // as of the last measurement, and true before the first
};

struct SharedMemoryFacts {
  bool enabled = false;
  std::uint32_t slots = 0;
  std::uint32_t slots_used = 0;
};

// What costs the same to gather however many limits and keys there are.
struct Overview {
  ProcessFacts process;
  ClientFacts clients;
  SessionStats sessions;
  StoreFacts store;
  SentinelFacts sentinels;
  ClusterFacts cluster;
  ClockFacts clock;
  SharedMemoryFacts shm;
  GateStats gate;
  HoldStats holds;
  Books::Totals permits;
  std::int64_t hosts = 0;           // 0: not known
  std::size_t store_queue = 0;      // counters that are to be asked for
  std::size_t checks_waiting = 0;   // for the store
  std::size_t acquiring = 0;        // beside those
  std::size_t entries = 0;          // of limits of concurrency
  std::size_t entries_waiting = 0;  // for others to leave, or for the store
  std::size_t counters = 0;
  std::size_t limits_configured = 0;
  std::size_t limits_declared = 0;
  std::uint64_t limits_gave_way = 0;
};

struct LimitFacts {
  LimitPtr limit;
  bool leased = false;
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t shared = 0;  // permits spent in shared memory
  std::uint64_t shadow_denied = 0;
  std::uint64_t near = 0;
};

// With what takes a look at each limit.
struct Snapshot : Overview {
  std::vector<LimitFacts> limits;  // configured ones by name, then declared ones
};

}  // namespace rategate
