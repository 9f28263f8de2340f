// An address and a port that a server listens on, as the configuration writes it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "daemon/base/result.hpp"

namespace rategate {

struct TcpAddress {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t size = 0;
  bool loopback = false;  // of this host alone: 127.0.0.0/8 or ::1
};

// "127.0.0.1:6380", "[::1]:6380". Numbers alone: a name could come to mean something else. Port 0
// is one that the kernel chooses.
Result<TcpAddress> parse_tcp_address(std::string_view text);

// The same text again; with the port that was chosen, of a socket's own address.
std::string to_text(const TcpAddress& address);

// Which address a socket is bound to (getsockname) or connected to (getpeername); no size where it
// is none of TCP.
TcpAddress local_address(int fd);
TcpAddress peer_address(int fd);

}  // namespace rategate
