// Where log lines go. Each takes a line at once or not at all.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/base/result.hpp"
#include "daemon/config/config.hpp"
#include "daemon/io/log/log_places.hpp"

namespace rategate {

// Used by one thread at a time, but for want_reopen().
class LogTarget {
 public:
  virtual ~LogTarget() = default;
  // False: the line is lost.
  virtual bool write(std::string_view line) noexcept = 0;
  // Asks that reopen_if_wanted() does something. Any thread.
  virtual void want_reopen() noexcept {}
  // False: it was wanted and failed; what was open stays in use.
  virtual bool reopen_if_wanted() noexcept { return true; }
};

// Standard error, whatever it is: a terminal, a pipe, a socket, a file. Never waits.
class StderrTarget final : public LogTarget {
 public:
  explicit StderrTarget(int fd);  // not owned
  ~StderrTarget() override;
  StderrTarget(const StderrTarget&) = delete;
  StderrTarget& operator=(const StderrTarget&) = delete;
  bool write(std::string_view line) noexcept override;

 private:
  enum class Way { Send, WriteNonBlocking, PollAndWrite, Write };

  // How many bytes were taken; 0 where it would have to wait, or failed.
  std::size_t put(std::string_view bytes) const noexcept;

  int fd_;
  int own_fd_ = -1;  // the same pipe or terminal, opened anew so that only we do not wait for it
  Way way_ = Way::Write;
  std::string rest_;  // of a line of which only the beginning was taken
};

// The journal. Takes journal_entry()'s form.
class JournalTarget final : public LogTarget {
 public:
  static Result<std::unique_ptr<LogTarget>> open(const LogPlaces&);
  ~JournalTarget() override;
  JournalTarget(const JournalTarget&) = delete;
  JournalTarget& operator=(const JournalTarget&) = delete;
  bool write(std::string_view entry) noexcept override;

 private:
  using Send = int (*)(const iovec*, int);
  JournalTarget(int fd, const sockaddr_un& address, Send send)
      : fd_(fd), address_(address), send_(send) {}
  bool connect() noexcept;

  int fd_;
  sockaddr_un address_;
  Send send_;
};

class FileTarget final : public LogTarget {
 public:
  static Result<std::unique_ptr<LogTarget>> open(const std::string& path);
  ~FileTarget() override;
  FileTarget(const FileTarget&) = delete;
  FileTarget& operator=(const FileTarget&) = delete;
  bool write(std::string_view line) noexcept override;
  void want_reopen() noexcept override { wanted_ = true; }
  bool reopen_if_wanted() noexcept override;

 private:
  FileTarget(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  const std::string path_;
  int fd_;
  std::atomic<bool> wanted_ = false;
};

}  // namespace rategate
