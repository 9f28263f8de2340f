// rategated: the composition root. It alone knows all parts: it reads the configuration, makes
// them, ties them together, and takes them apart again.
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "daemon/app/options.hpp"
#include "daemon/base/mutant.hpp"
#include "daemon/base/version.hpp"
#include "daemon/config/loader.hpp"
#include "daemon/config/print.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/engine.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/net/listener.hpp"
#include "daemon/io/sessions/server.hpp"
#include "daemon/io/systemd/notify.hpp"
#include "daemon/metrics/status_text.hpp"

namespace rategate {
namespace {

// Descriptors beside those of clients: the loop's, the log's, the store's, the sockets.
constexpr rlim_t kOwnDescriptors = 32;
// How long waiting checks may still take once the daemon stops, and then the writing of answers.
constexpr std::int64_t kMostPatienceMs = 2000;
constexpr std::int64_t kWritePatienceMs = 2000;

class Daemon {
 public:
  Daemon(uv_loop_t* loop, const Options& options, const Config& config, Log& log, Notify& notify)
      : loop_(loop),
        options_(options),
        config_(config),
        log_(log),
        notify_(notify),
        engine_(loop, config_.fixed, log),
        server_(loop, config_, file_in_use(options), engine_, log) {
    for (UvHandle<uv_timer_t>* timer : {&watchdog_, &patience_}) {
      uv_timer_init(loop, timer->get());
      timer->opened(this);
    }
    watch(terminate_, SIGTERM, [](uv_signal_t* s, int) { of(s)->stop(); });
    watch(interrupt_, SIGINT, [](uv_signal_t* s, int) { of(s)->stop(); });
    watch(hang_up_, SIGHUP, [](uv_signal_t* s, int) { of(s)->reload(); });
  }

  Result<bool> start() {
    hold_to_descriptors();
    std::vector<std::unique_ptr<Listener>> listeners;
    auto passed = notify_.listen_fds();
    if (!passed) return Error{passed.error()};
    for (const int fd : *passed) {
      auto listener = Listener::adopt(loop_, fd);
      if (!listener) return Error{listener.error()};
      listeners.push_back(std::move(*listener));
    }
    if (listeners.empty()) {
      auto listener = Listener::bind(loop_, config_.fixed.server);
      if (!listener) return Error{listener.error()};
      listeners.push_back(std::move(*listener));
    }
    socket_ = listeners.front()->path();
    if (!config_.fixed.server.tcp.empty()) {
      auto listener = Listener::bind_tcp(loop_, config_.fixed.server);
      if (!listener) return Error{listener.error()};
      tcp_ = (*listener)->path();
      listeners.push_back(std::move(*listener));
    }
    auto access = ShmAccess::of(config_.fixed.server);
    if (!access) return Error{access.error()};
    server_.offer(std::move(*access));
    if (auto listening = server_.listen(std::move(listeners)); !listening) return listening;

    engine_.start({[this](const Answer& answer) { server_.answered(answer); },
                   [this] { server_.answers_done(); }, [this] { store_changed(); }});
    if (const auto interval = notify_.watchdog_interval()) {
      const auto ms = static_cast<std::uint64_t>(interval->count() / 1000);
      uv_timer_start(
          watchdog_.get(), [](uv_timer_t* t) { static_cast<Daemon*>(t->data)->prove_alive(); }, ms,
          ms);
    }
    return true;
  }

 private:
  // The default file need not exist.
  static std::string file_in_use(const Options& options) {
    return options.config_named || access(options.config_file.c_str(), F_OK) == 0
               ? options.config_file
               : std::string();
  }

  static Daemon* of(uv_signal_t* signal) { return static_cast<Daemon*>(signal->data); }

  void watch(UvHandle<uv_signal_t>& handle, int number, uv_signal_cb callback) {
    uv_signal_init(loop_, handle.get());
    handle.opened(this);
    uv_signal_start(handle.get(), callback, number);
  }

  void hold_to_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    const auto wanted = static_cast<rlim_t>(config_.fixed.server.max_clients) + kOwnDescriptors;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted) {
      log_.event(LogLevel::Warning, "nofile_too_low",
                 "RLIMIT_NOFILE does not allow for max_clients; clients beyond it wait",
                 {{"nofile", limit.rlim_max}, {"max_clients", config_.fixed.server.max_clients}});
    }
  }

  std::string status() const { return status_text(server_.overview(), reload_fault_); }

  void store_changed() {
    if (stopping_) return;
    if (!ready_ && engine_.settled()) {
      ready_ = true;
      log_.event(LogLevel::Info, "ready", "rategated listens",
                 {{"version", kVersion},
                  {"socket", socket_},
                  {"tcp", tcp_},
                  {"limits", server_.limit_table().configured_count()}});
      notify_.ready(status());
    } else if (ready_) {
      notify_.status(status());
    }
  }

  void prove_alive() {
    notify_.watchdog();
    if (ready_ && !stopping_) notify_.status(status());
  }

  void reload() {
    if (stopping_) return;
    if (ready_) notify_.reloading();
    log_.reopen();
    const ConfigLoad load = load_config(sources_of(options_));
    if (load) {
      reload_fault_.clear();
      server_.configure(load.config.live);
      log_.set_level(load.config.live.log_level);
      log_.event(LogLevel::Info, "reloaded", "the limits and the log level are loaded anew",
                 {{"limits", load.config.live.limits.size()}});
      std::string fixed;
      for (const auto& name : fixed_changes(config_.fixed, load.config.fixed)) {
        fixed += (fixed.empty() ? "" : ", ") + name;
      }
      if (!fixed.empty()) {
        log_.event(LogLevel::Warning, "reload_needs_restart",
                   "settings that changed take effect with the next start only",
                   {{"settings", fixed}});
      }
    } else {
      reload_fault_ = to_text(load.faults.front());
      for (const Fault& fault : load.faults) {
        log_.event(LogLevel::Error, "reload_failed",
                   "the configuration is not loaded, the one before it is in force",
                   {{"fault", to_text(fault)}});
      }
    }
    if (ready_) notify_.ready(status());
  }

  // First signal: answer what has arrived; then give up what still waits; then what is still not
  // written. Second signal: at once.
  void stop() {
    if (stopping_) _exit(1);
    stopping_ = true;
    notify_.stopping();
    log_.event(LogLevel::Info, "stopping", "rategated stops: it answers what has arrived",
               {{"clients", server_.clients_count()}, {"waiting", engine_.gate().waiting()}});
    wait(std::min(config_.fixed.redis.command_timeout_ms, kMostPatienceMs),
         [](uv_timer_t* t) { static_cast<Daemon*>(t->data)->give_up_waiting(); });
    server_.drain([this] { end(); });
  }

  void wait(std::int64_t ms, uv_timer_cb then) {
    if (!patience_.is_open()) return;
    uv_update_time(loop_);
    uv_timer_start(patience_.get(), then, static_cast<std::uint64_t>(ms), 0);
  }

  void give_up_waiting() {
    wait(kWritePatienceMs, [](uv_timer_t* t) { static_cast<Daemon*>(t->data)->end(); });
    engine_.stop();
  }

  void end() {
    if (std::exchange(ended_, true)) return;
    log_.event(LogLevel::Info, "stopped", "rategated has stopped",
               {{"unwritten_clients", server_.clients_count()}});
    engine_.stop();
    uv_stop(loop_);
  }

  uv_loop_t* loop_;
  const Options& options_;
  const Config config_;
  Log& log_;
  Notify& notify_;
  Engine engine_;
  Server server_;
  UvHandle<uv_timer_t> watchdog_;
  UvHandle<uv_timer_t> patience_;
  UvHandle<uv_signal_t> terminate_;
  UvHandle<uv_signal_t> interrupt_;
  UvHandle<uv_signal_t> hang_up_;
  std::string socket_;
  std::string tcp_;  // empty: none
  std::string reload_fault_;
  bool ready_ = false;
  bool stopping_ = false;
  bool ended_ = false;
};

int serve(const Options& options, const Config& config) {
  // First of all: the environment is changed only while there are no threads.
  Notify notify;
  // A client or a log pipe that goes away is an error to be read, no reason to die.
  std::signal(SIGPIPE, SIG_IGN);

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
  int code = 0;
  {
    Daemon daemon(&loop, options, config, **log, notify);
    if (const auto started = daemon.start()) {
      uv_run(&loop, UV_RUN_DEFAULT);
    } else {
      (*log)->event(LogLevel::Error, "cannot_start", started.error());
      code = 1;
    }
  }
  // The close callbacks free the handles. A name look-up that hangs is not waited for.
  for (int i = 0; i < 100 && uv_loop_alive(&loop) != 0; ++i) uv_run(&loop, UV_RUN_NOWAIT);
  uv_loop_close(&loop);
  return code;
}

int run(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  if (options.action == Action::Exit || options.action == Action::PrintSample) {
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
  switch (options.action) {
    case Action::PrintConfig:
      std::fputs(print_config(load.config).c_str(), stdout);
      return 0;
    case Action::CheckConfig:
      return 0;
    default:
      return serve(options, load.config);
  }
}

}  // namespace
}  // namespace rategate

int main(int argc, char** argv) {
#ifdef RATEGATE_MUTANTS
  if (const char* name = std::getenv("RATEGATE_MUTANT")) rategate::active_mutant() = name;
#endif
  try {
    return rategate::run(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "rategated: %s\n", failure.what());
    return 1;
  }
}
