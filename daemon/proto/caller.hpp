// Who asks, and what a request needs to know beside its words. The connection makes it for each
// request and hands it on; nobody keeps it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "daemon/base/time.hpp"
#include "daemon/core/waiters.hpp"
#include "daemon/proto/long_answer.hpp"
#include "daemon/proto/session.hpp"

namespace rategate {

// The other end of a connection. Who that is the kernel says, which is asked only where it matters.
struct Peer {
  int socket = -1;
  bool local = true;  // connected by a Unix socket: a process of this host, which the kernel knows
};

struct Caller {
  explicit Caller(Session& asking) : session(asking) {}

  Session& session;
  Peer peer;
  std::uint32_t flow =
      0;  // which client a waiting check belongs to: the store is shared among them
  std::uint64_t ticket = 0;  // comes back with the answer, where that comes later
  Mono moment;               // the clock, read after the request had arrived
  // Whether descriptors can go with the answer: nothing is to be written before it.
  bool may_pass_descriptors = false;
  // The request's bytes, and what has arrived behind it, for a verb that can answer copies of it in
  // one step. Empty where the answer does not go out at once.
  std::string_view request;
  std::string_view behind;

  // What the handler says beside its reply.
  std::size_t repeats = 0;             // so many copies behind it are answered as well
  WaiterId waiter;                     // of a check that is parked
  std::unique_ptr<LongAnswer> answer;  // that is not finished
};

}  // namespace rategate
