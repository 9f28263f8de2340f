#include "daemon/app/program.hpp"

#include <csignal>
#include <cstdio>
#include <string>

#include "daemon/app/options.hpp"
#include "daemon/app/serve.hpp"
#include "daemon/config/loader.hpp"
#include "daemon/config/print.hpp"
#include "daemon/io/net/listener.hpp"
#include "daemon/io/sessions/peer_access.hpp"
#include "daemon/os/inheritance.hpp"

namespace rategate {
namespace {

// What only this host can say of a configuration: that one whom it names is not there. Empty where
// all are.
std::string missing_account(const ServerConfig& server) {
  if (const auto access = PeerAccesses::of(server); !access) return access.error();
  if (const auto group = Listener::group_of(server); !group) return group.error();
  return {};
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
  const std::string missing = missing_account(load.config.fixed.server);
  if (missing.empty()) return 0;
  std::fprintf(stderr, "rategated: %s\n", missing.c_str());
  return 1;
}

}  // namespace rategate
