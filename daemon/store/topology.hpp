// Which server is the primary of a shard, where that is found out and not configured: what the way
// to the primary asks before it makes a connection, and what bears witness of it afterwards. Not
// thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "daemon/base/host_port.hpp"
#include "daemon/base/time.hpp"
#include "daemon/store/witness.hpp"

namespace rategate {

class Topology : public Witness {
 public:
  // Whom to connect to now. Nothing: it is not known well enough; then whoever made the topology is
  // told as soon as it is.
  virtual std::optional<HostPort> primary(Mono now) = 0;
  // The connection to it has ended, or was given up: it may be the primary no more.
  virtual void left(Mono now) = 0;
  // Why there is nobody to connect to, in words; empty where there is.
  virtual std::string_view awaits() const = 0;
};

}  // namespace rategate
