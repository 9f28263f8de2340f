// What the verbs ask of the daemon. The I/O layer implements it; tests have a fake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/base/result.hpp"
#include "daemon/limit/decision.hpp"
#include "daemon/limit/limit.hpp"
#include "daemon/metrics/snapshot.hpp"
#include "daemon/proto/caller.hpp"

namespace rategate {

// A CHECK whose words are in order: the name is valid, key and numbers are within their ranges.
struct CheckRequest {
  std::string_view limit;
  std::string_view key;          // 0 to kMaxKeyBytes of any value
  std::int64_t cost = 1;         // 1 to kMaxPermits
  std::optional<Rate> declared;  // LIMIT and PERIOD
  bool keyed = false;            // whether a key was given; an empty one is none
};

// A CL.THROTTLE whose words are in order, and numbers within their ranges.
struct ThrottleRequest {
  std::string_view key;       // 0 to kMaxKeyBytes of any value
  Rate rate;                  // of whole seconds
  std::int64_t burst = 1;     // max_burst + 1
  std::int64_t quantity = 1;  // 0 to kMaxPermits
};

// The answer comes later; the connection keeps its place in the order of answers.
struct Parked {
  WaiterId waiter;
};

// A complete error text (errors.hpp), without '-' and CRLF.
struct Refused {
  std::string error;
};

using CheckOutcome = std::variant<Decision, Parked, Refused>;

// The way into shared memory. The descriptors go with the answer.
struct Attached {
  std::uint32_t layout_version = 0;
  std::uint64_t generation = 0;
  std::int64_t monotonic_ns = 0;  // the daemon's CLOCK_MONOTONIC
  std::uint64_t bytes = 0;
};
using AttachOutcome = std::variant<Attached, Refused>;

// Under what id a limit's pools are found in shared memory.
struct Resolved {
  std::uint64_t rule = 0;
  std::int64_t permits = 0;
  std::int64_t period_ms = 0;
  bool shared = false;  // whether its pools are there at all
  bool keyed = false;   // whether the key is part of its counter's name
};
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

// The three parts of the daemon that verbs ask. All are called from the loop's one thread, and none
// blocks. Views in a request are good during the call only.

// Who decides.
class CheckService {
 public:
  CheckService() = default;
  CheckService(const CheckService&) = delete;
  CheckService& operator=(const CheckService&) = delete;
  virtual ~CheckService() = default;

  virtual CheckOutcome check(const Caller& caller, const CheckRequest& request) = 0;
  virtual CheckOutcome throttle(const Caller& caller, const ThrottleRequest& request) = 0;
  // Up to `count` more of a check that has just been decided. Returns how many have got that
  // verdict; the others are to be asked one by one.
  virtual std::int64_t repeat(const Caller& caller, const CheckRequest& request,
                              const Decision& decided, std::int64_t count) = 0;
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

struct Services {
  CheckService& checks;
  SharingService& sharing;
  StateService& state;
};

}  // namespace rategate
