// A Redis server's address as one text, as other programs take it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/host_port.hpp"
#include "daemon/base/result.hpp"

namespace rategate {

struct RedisUrl {
  std::string host;  // empty with unix_socket, with sentinels, and with nodes
  std::int64_t port = 6379;
  std::string unix_socket;          // empty with host
  std::vector<HostPort> sentinels;  // empty: without them
  std::vector<HostPort> nodes;      // of a cluster; empty: it is none
  std::string master;               // by which they know the primary
  std::int64_t db = 0;
  bool tls = false;
  std::optional<std::string> username;  // nullopt: not said
  std::optional<std::string> password;
};

// redis://[[user]:password@]host[:port][/db], rediss:// for the same over TLS,
// redis+sentinel://[[user]:password@]host[:port][,host[:port]...]/master[/db] and
// rediss+sentinel:// (user and password are of the primary),
// redis+cluster://[[user]:password@]host[:port][,host[:port]...] and rediss+cluster://, or
// unix:///path[?db=n]. An IPv6 address stands in brackets; user and password may have %XX in them.
// Error: what was expected.
Result<RedisUrl> parse_redis_url(std::string_view text);

}  // namespace rategate
