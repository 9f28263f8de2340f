// The sockets that the daemon listens on.
#pragma once

#include <uv.h>

#include <memory>
#include <string>
#include <vector>

#include "daemon/base/result.hpp"
#include "daemon/config/config.hpp"
#include "daemon/io/net/listener.hpp"
#include "daemon/io/systemd/notify.hpp"

namespace rategate {

struct Sockets {
  std::vector<std::unique_ptr<Listener>> listeners;
  std::string socket;  // the path of the first
  std::string tcp;     // the address and the port that it has; empty: none
};

// Those that systemd has passed, or else the Unix socket of the configuration; and beside them its
// TCP address, if it has one.
Result<Sockets> open_sockets(uv_loop_t* loop, const ServerConfig& config, const Notify& notify);

}  // namespace rategate
