// Who may attach to the shared memory: the users and groups of the configuration, and what the
// kernel says of the peer.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "daemon/base/result.hpp"
#include "daemon/config/config.hpp"

namespace rategate {

class ShmAccess {
 public:
  // Looks the names up, which may block: once, at the start.
  static Result<ShmAccess> of(const ServerConfig& config);

  // Whether the peer of this connected Unix socket may; its supplementary groups count.
  bool allows(int fd) const;

 private:
  std::vector<uid_t> users_;
  std::vector<gid_t> groups_;
};

}  // namespace rategate
