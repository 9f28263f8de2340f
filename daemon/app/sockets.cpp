#include "daemon/app/sockets.hpp"

#include <utility>

namespace rategate {

Result<Sockets> open_sockets(uv_loop_t* loop, const ServerConfig& config, const Notify& notify) {
  Sockets sockets;
  const auto passed = notify.listen_fds();
  if (!passed) return Error{passed.error()};
  for (const int fd : *passed) {
    auto listener = Listener::adopt(loop, fd);
    if (!listener) return Error{listener.error()};
    sockets.listeners.push_back(std::move(*listener));
  }
  if (sockets.listeners.empty()) {
    auto listener = Listener::bind(loop, config);
    if (!listener) return Error{listener.error()};
    sockets.listeners.push_back(std::move(*listener));
  }
  sockets.socket = sockets.listeners.front()->path();
  if (!config.tcp.empty()) {
    auto listener = Listener::bind_tcp(loop, config);
    if (!listener) return Error{listener.error()};
    sockets.tcp = (*listener)->path();
    sockets.listeners.push_back(std::move(*listener));
  }
  return sockets;
}

}  // namespace rategate
