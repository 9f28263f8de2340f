// Who may do more than ask: the users and groups of the configuration, and what the kernel says of
// the peer.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "daemon/base/result.hpp"
#include "daemon/config/config.hpp"

namespace rategate {

class PeerAccess {
 public:
  // Each looks names up, which may block: once, at the start.

  // To the shared memory: where nobody is named, everybody's.
  static Result<PeerAccess> to_shm(const ServerConfig& config);
  // To what only who administers the limits may do: whoever is named, root, and the user that this
  // process runs as.
  static Result<PeerAccess> to_admin(const ServerConfig& config);

  // Whether the peer of this connected Unix socket has it; its supplementary groups count.
  bool allows(int fd) const;

 private:
  std::vector<uid_t> users_;
  std::vector<gid_t> groups_;
};

// Both of them.
struct PeerAccesses {
  PeerAccess to_shm;
  PeerAccess to_admin;
  static Result<PeerAccesses> of(const ServerConfig& config);
};

}  // namespace rategate
