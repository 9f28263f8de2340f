#include "daemon/app/program.hpp"

#include <csignal>
#include <cstdio>

#include "daemon/app/options.hpp"
#include "daemon/app/serve.hpp"
#include "daemon/config/loader.hpp"
#include "daemon/config/print.hpp"
#include "daemon/io/shm/shm_access.hpp"
#include "daemon/os/accounts.hpp"
#include "daemon/os/inheritance.hpp"

namespace rategate {

namespace {

// What only this host can say of a configuration: whether those whom it names are there.
Result<bool> has_accounts(const ServerConfig& server) {
  const auto access = ShmAccess::of(server);
  if (!access) return Error{access.error()};
  if (server.socket_group.empty()) return true;
  const auto group = group_id(server.socket_group);
  if (!group) return Error{group.error() + " (socket_group)"};
  return true;
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  hold_signal(SIGHUP);
  if (!open_standard_descriptors()) return 1;  // nobody could be told
  const Options options = parse_options(argc, argv);
  if (options.action == Action::Exit) {
    std::fputs(options.output.c_str(), stdout);
    std::fputs(options.errors.c_str(), stderr);
    return options.exit_code;
  }
  const ConfigLoad load = load_config(sources_of(options));
  if (!load) {
    for (const Fault& fault : load.faults) {
      std::fprintf(stderr, "rategated: %s\n", to_text(fault).c_str());
    }
    return 1;
  }
  if (options.action == Action::Serve) return serve(options, load.config);
  if (options.action == Action::PrintConfig) {
    std::fputs(print_config(load.config).c_str(), stdout);
    return 0;
  }
  const auto accounts = has_accounts(load.config.fixed.server);
  if (accounts) return 0;
  std::fprintf(stderr, "rategated: %s\n", accounts.error().c_str());
  return 1;
}

}  // namespace rategate
