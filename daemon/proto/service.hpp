// What the verbs ask of the daemon. The I/O layer implements it; tests have a fake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/base/result.hpp"
#include "daemon/core/ask.hpp"
#include "daemon/core/entering.hpp"
#include "daemon/limit/decision.hpp"
#include "daemon/limit/limit.hpp"
#include "daemon/metrics/snapshot.hpp"
#include "daemon/proto/caller.hpp"

namespace rategate {

// A day: nobody waits for longer, and max_wait is shorter.
inline constexpr std::int64_t kMostTimeoutMs = 24 * 3600 * 1000;

// A CHECK or ACQUIRE whose words are in order: the name is valid, key and numbers are within their
// ranges.
struct CheckRequest {
  std::string_view limit;
  std::string_view key;          // 0 to kMaxKeyBytes of any value
  std::int64_t cost = 1;         // 1 to kMaxPermits
  std::optional<Rate> declared;  // LIMIT and PERIOD
  bool keyed = false;            // whether a key was given; an empty one is none
  bool takes = true;             // the permits; else it is only told whether they are there
  std::int64_t timeout_ms = 0;   // of ACQUIRE, 0 to kMostTimeoutMs: it waits so long for them
  Telling telling = Telling::Integers;
};

// A SETTLE or REFUND whose words are in order. Of the check, limit and key count.
struct SettleRequest {
  CheckRequest check;
  std::int64_t took = 0;  // permits, 0 to kMaxPermits
  std::int64_t used = 0;
  std::int64_t receipt = 0;  // not negative
};

// A CL.THROTTLE whose words are in order, and numbers within their ranges.
struct ThrottleRequest {
  std::string_view key;       // 0 to kMaxKeyBytes of any value
  Rate rate;                  // of whole seconds
  std::int64_t burst = 1;     // max_burst + 1
  std::int64_t quantity = 1;  // 0 to kMaxPermits
};

// A decision that names the limit it is of.
struct Explained {
  Decision decision;
  LimitPtr limit;
};

// The answer comes later; the connection keeps its place in the order of answers.
struct Parked {
  WaiterId waiter;
};

// A complete error text (errors.hpp), without '-' and CRLF.
struct Refused {
  std::string error;
};

// How many permits are taken back; less than none where so many were charged.
using SettleOutcome = std::variant<std::int64_t, Refused>;

// The configuration was loaded anew.
struct Reloaded {
  std::size_t limits = 0;  // that are configured now
  // Settings that changed and are not in force: "server.tcp, server.max_clients".
  std::string needs_restart;
};
using ReloadOutcome = std::variant<Reloaded, Refused>;

// The answer comes when the store has done it.
using ClearOutcome = std::variant<Parked, Refused>;

// Explained where a map is to be told.
using CheckOutcome = std::variant<Decision, Explained, Parked, Refused>;

// An ENTER whose words are in order.
struct EnterRequest {
  CheckRequest check;       // limit, key, cost, and for how long it waits
  std::int64_t for_ms = 0;  // FOR, kMinForMs to kMostForMs; 0: it belongs to the connection
};
inline constexpr std::int64_t kMinForMs = 100;
inline constexpr std::int64_t kMostForMs = 24 * 3600 * 1000;
using EnterOutcome = std::variant<EntryDecision, Parked, Refused>;
// Whether anybody had entered by the ticket.
using StayOutcome = std::variant<bool, Refused>;

// What led to a decision that takes nothing.
struct Explanation;
using ExplainOutcome = std::variant<std::shared_ptr<const Explanation>, Parked, Refused>;

// The way into shared memory. The descriptors go with the answer.
struct Attached {
  std::uint32_t layout_version = 0;
  std::uint64_t generation = 0;
  std::int64_t monotonic_ns = 0;  // the daemon's CLOCK_MONOTONIC
  std::uint64_t bytes = 0;
};
using AttachOutcome = std::variant<Attached, Refused>;

// Under what id a limit's pools are found in shared memory.
struct ResolvedMember {
  std::uint64_t rule = 0;
  std::int64_t permits = 0;
  std::int64_t period_ms = 0;
  bool shared = false;  // whether its pools are there at all
  bool keyed = false;   // whether the key is part of its counter's name
  int kind = 0;         // rg_rule_kind
  std::int64_t burst = 0;
  std::int64_t longest_ms = 0;  // no word of it ends later than that from now
};
// Each that a check of the limit has to keep: 1 to kMostMembers.
using Resolved = std::vector<ResolvedMember>;
using ResolveOutcome = std::variant<Resolved, Refused>;

struct ClientStatus {
  std::uint64_t id = 0;
  std::string addr;      // the socket's path
  std::int64_t pid = 0;  // by the kernel (SO_PEERCRED); 0 when it does not say
  std::int64_t uid = -1;
  std::string name;
  std::string lib_name;
  std::string lib_version;
  std::int64_t age_s = 0;
  std::int64_t idle_s = 0;
  int resp = 2;
  std::uint64_t parked = 0;  // checks of it that wait for the store
  std::string_view last_command;
};

// The parts of the daemon that verbs ask. All are called from the loop's one thread, and none
// blocks. Views in a request are good during the call only.

// Who decides.
class CheckService {
 public:
  CheckService() = default;
  CheckService(const CheckService&) = delete;
  CheckService& operator=(const CheckService&) = delete;
  virtual ~CheckService() = default;

  virtual CheckOutcome check(const Caller& caller, const CheckRequest& request) = 0;
  // Of several limits at once, 1 to kMostMembers. Cost, limit and key of each count, and all are
  // told as the first is to be.
  virtual CheckOutcome check_all(const Caller& caller, std::span<const CheckRequest> requests) = 0;
  // The same as check() of a request that takes nothing, with all that led to it.
  virtual ExplainOutcome explain(const Caller& caller, const CheckRequest& request) = 0;
  virtual CheckOutcome throttle(const Caller& caller, const ThrottleRequest& request) = 0;
  virtual SettleOutcome settle(const Caller& caller, const SettleRequest& request) = 0;
  // Limit and key of the request count, and what it declares.
  virtual ClearOutcome clear(const Caller& caller, const CheckRequest& request) = 0;
  // Up to `count` more of a check that has just been decided. Returns how many have got that
  // verdict; the others are to be asked one by one.
  virtual std::int64_t repeat(const Caller& caller, const CheckRequest& request,
                              const Decision& decided, std::int64_t count) = 0;
  // A slot of a limit of concurrency. Of the request limit, key, cost and time-out count.
  virtual EnterOutcome enter(const Caller& caller, const EnterRequest& request) = 0;
  // Whether anybody had entered by that ticket.
  virtual bool leave(const Caller& caller, std::uint64_t entry) = 0;
  virtual StayOutcome stay(const Caller& caller, std::uint64_t entry) = 0;
  // The connection has something entered.
  virtual bool has_entered(std::uint32_t flow) = 0;
  // All answers to it are written: it has the tickets of what it has entered.
  virtual void told(std::uint32_t flow) = 0;
  // It is closed, and had asked to enter. What it has entered by a ticket that it was not told is
  // left as well.
  virtual void gone(std::uint32_t flow) = 0;
  // The asker of a parked check has gone.
  virtual void abandon(WaiterId waiter) = 0;
};

// Who shares memory.
class SharingService {
 public:
  SharingService() = default;
  SharingService(const SharingService&) = delete;
  SharingService& operator=(const SharingService&) = delete;
  virtual ~SharingService() = default;

  // The request's cost counts for nothing.
  virtual ResolveOutcome resolve(const Caller& caller, const CheckRequest& request) = 0;
  virtual AttachOutcome attach(const Caller& caller) = 0;
  // Whether the peer may have it, and so could give permits back by itself.
  virtual bool trusts(const Peer& peer) = 0;
  // Whether the peer may do what gives permits out on all hosts.
  virtual bool is_admin(const Peer& peer) = 0;
  // Sends the answer to ATTACH with its descriptors: how many bytes of it are sent, at least one.
  // Error: nothing was, and the complete text of the error to be answered instead.
  virtual Result<std::size_t> hand_out(const Peer& peer, std::string_view answer) = 0;
  // A connection that was handed them is about to be closed.
  virtual void closing(const Peer& peer) = 0;
  // Sockets of such connections that it still holds, because their clients have not read the
  // answer.
  virtual std::size_t kept_sockets() = 0;
};

// Who knows the daemon's state.
class StateService {
 public:
  StateService() = default;
  StateService(const StateService&) = delete;
  StateService& operator=(const StateService&) = delete;
  virtual ~StateService() = default;

  virtual std::string_view version() = 0;  // the daemon's: "0.1.0"
  // What INFO and LIMITS tell, as of now. Limits and what was spent in shared memory, which cost a
  // look at each, are in it only where they are asked for.
  virtual Snapshot snapshot(bool with_limits) = 0;
  // By id, those above `after`, and so many at most.
  virtual std::vector<ClientStatus> clients(std::uint64_t after, std::size_t most) = 0;
  virtual ClientStatus client(const Caller& caller) = 0;
  // Whether answers that nobody reads fill what memory there is for them: large answers are then
  // refused, checks are not.
  virtual bool output_full() = 0;
};

// Who has the configuration.
class ConfigService {
 public:
  ConfigService() = default;
  ConfigService(const ConfigService&) = delete;
  ConfigService& operator=(const ConfigService&) = delete;
  virtual ~ConfigService() = default;

  // Loads it anew: what may change takes effect as a whole, or nothing does, and the outcome says
  // why.
  virtual ReloadOutcome reload(const Caller& caller) = 0;
};

struct Services {
  CheckService& checks;
  SharingService& sharing;
  StateService& state;
  ConfigService& config;
};

}  // namespace rategate
