// The only file that includes spdlog. Its loggers are used without its registry, which is global.
#include "daemon/io/log/log.hpp"

#include <pthread.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <mutex>
#include <utility>

#include "daemon/io/log/log_line.hpp"
#include "daemon/io/log/log_target.hpp"

namespace rategate {
namespace {

constexpr std::size_t kQueue = 1024;  // lines; spdlog's own choice would take 3.3 MiB

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warning:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Hands finished lines to a target, counts what it does not take, and says so as soon as it
// takes something again.
class TargetSink final : public spdlog::sinks::sink {
 public:
  TargetSink(std::unique_ptr<LogTarget> target, std::function<std::uint64_t()> overrun,
             std::function<std::string(std::uint64_t)> notice)
      : target_(std::move(target)), overrun_(std::move(overrun)), notice_(std::move(notice)) {}

  void log(const spdlog::details::log_msg& message) override {
    const std::scoped_lock lock(mutex_);
    reopen();
    const std::uint64_t lost = dropped();
    if (lost > said_) {
      if (!target_->write(notice_(lost - said_))) {
        ++failed_;
        return;
      }
      said_ = lost;
    }
    if (!target_->write({message.payload.data(), message.payload.size()})) ++failed_;
  }
  void flush() override {
    const std::scoped_lock lock(mutex_);
    reopen();
  }
  // Lines come finished.
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  void want_reopen() noexcept { target_->want_reopen(); }
  void count_failure() noexcept { ++failed_; }
  std::uint64_t dropped() const { return failed_ + overrun_(); }

 private:
  void reopen() {
    if (!target_->reopen_if_wanted()) ++failed_;
  }

  std::mutex mutex_;
  const std::unique_ptr<LogTarget> target_;
  const std::function<std::uint64_t()> overrun_;  // lines that the queue lost
  const std::function<std::string(std::uint64_t)> notice_;
  std::atomic<std::uint64_t> failed_ = 0;
  std::uint64_t said_ = 0;
};

}  // namespace

class Log::Impl {
 public:
  Impl(std::unique_ptr<LogTarget> target, const LogConfig& config, LogLevel level)
      : make_line_(config.target == "journal"         ? journal_entry
                   : config.format == LogFormat::Json ? json_line
                                                      : text_line) {
    const bool queued = config.target.starts_with(kLogFile);
    // Signals are for the loop's thread.
    const auto block_signals = [] {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
    };
    if (queued) pool_ = std::make_shared<spdlog::details::thread_pool>(kQueue, 1, block_signals);
    sink_ = std::make_shared<TargetSink>(
        std::move(target),
        [pool = pool_.get()]() -> std::uint64_t {
          return pool == nullptr ? 0 : pool->overrun_counter();
        },
        [this](std::uint64_t lines) { return notice(lines); });
    if (queued) {
      logger_ = std::make_shared<spdlog::async_logger>(
          "rategated", sink_, pool_, spdlog::async_overflow_policy::overrun_oldest);
    } else {
      logger_ = std::make_shared<spdlog::logger>("rategated", sink_);
    }
    logger_->set_error_handler([sink = sink_.get()](const std::string&) { sink->count_failure(); });
    set_level(level);
  }

  bool enabled(LogLevel level) const { return logger_->should_log(spdlog_level(level)); }
  void set_level(LogLevel level) { logger_->set_level(spdlog_level(level)); }

  void write(LogLevel level, std::string_view name, std::string_view message,
             std::span<const Field> fields) {
    const std::string line =
        make_line_({std::chrono::system_clock::now(), level, name, message, fields});
    logger_->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
  }

  void reopen() {
    sink_->want_reopen();
    logger_->flush();
  }

  TargetSink& sink() { return *sink_; }

 private:
  std::string notice(std::uint64_t lines) const {
    const std::array fields{Field("lines", lines)};
    return make_line_({std::chrono::system_clock::now(), LogLevel::Warning, "log_dropped",
                       "lines of the log could not be written", fields});
  }

  std::string (*const make_line_)(const LogEvent&);
  std::shared_ptr<TargetSink> sink_;
  std::shared_ptr<spdlog::logger> logger_;
  // Last, to go first: that writes what is queued, for which the others are needed.
  std::shared_ptr<spdlog::details::thread_pool> pool_;
};

namespace {

// As systemd.exec(5) has it: the variable is inherited, and stderr may have been led elsewhere
// since.
bool leads_to_journal(const LogPlaces& places) {
  struct stat status{};
  if (places.journal_stream == nullptr || ::fstat(places.stderr_fd, &status) != 0) return false;
  return places.journal_stream ==
         std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

}  // namespace

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(const LogConfig& wanted, LogLevel level,
                                       const LogPlaces& places) {
  LogConfig config = wanted;
  std::unique_ptr<LogTarget> target;
  if (config.target == "auto") {
    config.target = leads_to_journal(places) && JournalTarget::open(places) ? "journal" : "stderr";
  }
  if (config.target == "stderr") {
    target = std::make_unique<StderrTarget>(places.stderr_fd);
  } else {
    auto opened = config.target == "journal"
                      ? JournalTarget::open(places)
                      : FileTarget::open(config.target.substr(kLogFile.size()));
    if (!opened) return Error{opened.error()};
    target = std::move(*opened);
  }
  return std::unique_ptr<Log>(new Log(std::make_unique<Impl>(std::move(target), config, level)));
}

void Log::event(LogLevel level, std::string_view name, std::string_view message,
                std::initializer_list<Field> fields) noexcept {
  if (!enabled(level)) return;
  try {
    impl_->write(level, name, message, {fields.begin(), fields.size()});
  } catch (...) {
    impl_->sink().count_failure();
  }
}

bool Log::enabled(LogLevel level) const noexcept { return impl_->enabled(level); }

void Log::set_level(LogLevel level) noexcept { impl_->set_level(level); }

void Log::reopen() noexcept {
  try {
    impl_->reopen();
  } catch (...) {
    impl_->sink().count_failure();
  }
}

std::uint64_t Log::dropped() const noexcept {
  try {
    return impl_->sink().dropped();
  } catch (...) {
    return 0;  // a mutex failed: there is nothing to be known
  }
}

}  // namespace rategate
