// The gate with a link for each shard of the store: everything between a check and the calls that
// are written, without a loop, a clock or a socket. The daemon's Engine and the simulation's hosts
// drive this same object.
//
// To be used so: after each batch of events pump(), and again at next_turn(); then take the gate's
// answers. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "daemon/core/gate.hpp"
#include "daemon/store/link.hpp"

namespace rategate {

class Driver {
 public:
  // `shared` may be null; both outlive it.
  Driver(const Gate::Options& options, SharedPools* shared, StoreEvents& events);

  // The way to the next shard. To be called once for each before start(); the transport outlives
  // this. Options' shard is filled in.
  Link& add(Link::Options options, Transport& transport);
  void start(Mono now);
  // Every waiting check is answered `Stopping`; stock is written back; the links are let go.
  void stop(Mono now);

  // The gate's turn, the links' turns, and what may be written.
  void pump(Mono now);
  Mono next_turn() const;

  Gate& gate() { return gate_; }
  const Gate& gate() const { return gate_; }
  Link& link(ShardId shard) { return *links_[shard.value]; }
  const Link& link(ShardId shard) const { return *links_[shard.value]; }

 private:
  Gate gate_;
  StoreEvents& events_;
  std::vector<std::unique_ptr<Link>> links_;
};

}  // namespace rategate
