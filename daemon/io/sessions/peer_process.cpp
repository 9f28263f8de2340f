#include "daemon/io/sessions/peer_process.hpp"

#include <sys/socket.h>

#include "daemon/config/address.hpp"

namespace rategate {

PeerProcess process_of(const Peer& peer) {
  ucred process{};
  socklen_t size = sizeof process;
  if (!peer.local || getsockopt(peer.socket, SOL_SOCKET, SO_PEERCRED, &process, &size) != 0) {
    return {};
  }
  return {process.pid, process.uid};
}

std::string shown_peer(const Peer& peer) {
  if (!peer.local) return to_text(peer_address(peer.socket));
  return "process " + std::to_string(process_of(peer).pid);
}

}  // namespace rategate
