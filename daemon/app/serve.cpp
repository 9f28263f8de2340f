#include "daemon/app/serve.hpp"

#include <uv.h>

#include <csignal>
#include <cstdint>
#include <cstdio>

#include "daemon/app/daemon.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/systemd/notify.hpp"
#include "daemon/os/descriptors.hpp"
#include "daemon/os/inheritance.hpp"

namespace rategate {
namespace {

// With fewer the loop, the log or the store would be what has none: they are the daemon's own, and
// those of some clients.
constexpr std::uint64_t kLeastDescriptors = 40;

bool has_descriptors() {
  const auto most = raise_descriptor_limit();
  if (!most || *most >= kLeastDescriptors) return true;
  std::fprintf(stderr,
               "rategated: RLIMIT_NOFILE is %llu: expected at least %llu "
               "(ulimit -n, or LimitNOFILE= of the unit)\n",
               static_cast<unsigned long long>(*most),
               static_cast<unsigned long long>(kLeastDescriptors));
  return false;
}

bool run_daemon(uv_loop_t* loop, const Options& options, const Config& config, Log& log,
                Notify& notify) {
  Daemon daemon(loop, options, config, log, notify);
  if (const auto started = daemon.start(); !started) {
    log.event(LogLevel::Error, "cannot_start", started.error());
    return false;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return true;
}

}  // namespace

int serve(const Options& options, const Config& config) {
  // First of all: the environment is changed only while there are no threads.
  Notify notify;
  // A client or a log pipe that goes away is an error to be read, no reason to die; nor is a file
  // that may not become so large (RLIMIT_FSIZE), be it the log or the shared segment.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  keep_own_rights();
  if (!has_descriptors()) return 1;

  auto log = Log::open(config.fixed.log, config.live.log_level);
  if (!log) {
    std::fprintf(stderr, "rategated: %s\n", log.error().c_str());
    return 1;
  }
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0) {
    std::fprintf(stderr, "rategated: cannot make an event loop\n");
    return 1;
  }
  const bool served = run_daemon(&loop, options, config, **log, notify);
  // The close callbacks free the handles. A name look-up that hangs is not waited for.
  for (int i = 0; i < 100 && uv_loop_alive(&loop) != 0; ++i) uv_run(&loop, UV_RUN_NOWAIT);
  uv_loop_close(&loop);
  return served ? 0 : 1;
}

}  // namespace rategate
