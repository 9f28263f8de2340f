// Which process is at the other end of a connection, as the kernel knows it.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/proto/caller.hpp"

namespace rategate {

struct PeerProcess {
  std::int64_t pid = 0;  // 0: the kernel does not say, as over TCP
  std::int64_t uid = -1;
};

PeerProcess process_of(const Peer& peer);

// For the log: "process 42", or the address where the peer came over TCP.
std::string shown_peer(const Peer& peer);

}  // namespace rategate
