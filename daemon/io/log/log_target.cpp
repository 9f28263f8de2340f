#include "daemon/io/log/log_target.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

// Not CODE_FILE and its like: they would name the sink, not who logs.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

namespace rategate {
namespace {

Error failed(const std::string& what, int code) {
  return Error{what + ": " + std::generic_category().message(code)};
}

bool writable_now(int fd) noexcept {
  pollfd ready{fd, POLLOUT, 0};
  return ::poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0 &&
         (ready.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

}  // namespace

// O_NONBLOCK belongs to the open file, which the shell and others share with us; setting it there
// would break them. A pipe or terminal can be opened anew for us alone. Where that is refused
// (it belongs to another user), it is asked whether it can be written to before each line.
StderrTarget::StderrTarget(int fd) : fd_(fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return;
  if (S_ISSOCK(status.st_mode)) {
    way_ = Way::Send;
  } else if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    own_fd_ = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    way_ = own_fd_ >= 0 ? Way::WriteNonBlocking : Way::PollAndWrite;
  }
}

StderrTarget::~StderrTarget() {
  if (own_fd_ >= 0) ::close(own_fd_);
}

std::size_t StderrTarget::put(std::string_view bytes) const noexcept {
  ssize_t n = -1;
  do {
    switch (way_) {
      case Way::Send:
        n = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
      case Way::WriteNonBlocking:
        n = ::write(own_fd_, bytes.data(), bytes.size());
        break;
      case Way::PollAndWrite:
        if (!writable_now(fd_)) return 0;
        n = ::write(fd_, bytes.data(), bytes.size());
        break;
      case Way::Write:
        n = ::write(fd_, bytes.data(), bytes.size());
        break;
    }
  } while (n < 0 && errno == EINTR);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

bool StderrTarget::write(std::string_view line) noexcept {
  if (!rest_.empty()) {
    rest_.erase(0, put(rest_));
    if (!rest_.empty()) return false;
  }
  const std::size_t taken = put(line);
  if (taken == 0) return false;
  try {
    rest_ = line.substr(taken);
  } catch (...) {
    return false;  // no memory: the line ends in the middle
  }
  return true;
}

Result<std::unique_ptr<LogTarget>> JournalTarget::open(const LogPlaces& places) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (places.journal_socket.size() >= sizeof address.sun_path) {
    return Error{"the journal's socket has too long a path"};
  }
  std::memcpy(address.sun_path, places.journal_socket.data(), places.journal_socket.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed("no socket for the journal", errno);
  std::unique_ptr<JournalTarget> target(new JournalTarget(
      fd, address, places.journal_send == nullptr ? sd_journal_sendv : places.journal_send));
  if (!target->connect()) return failed("no journal at " + places.journal_socket, errno);
  return std::unique_ptr<LogTarget>(std::move(target));
}

JournalTarget::~JournalTarget() { ::close(fd_); }

bool JournalTarget::connect() noexcept {
  return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0;
}

// sd_journal_sendv waits while the journal's queue is full, and says that all is well when there
// is no journal. So a socket of our own, which sends nothing, asks first; it is connected anew
// each time, because the journal may have been restarted since. What others put into the queue
// between the question and the sending can still make it wait, for as long as the journal needs
// to take one entry.
bool JournalTarget::write(std::string_view entry) noexcept {
  if (!connect() || !writable_now(fd_)) return false;
  std::array<iovec, 32> pieces{};
  std::size_t count = 0;
  while (!entry.empty() && count < pieces.size()) {
    const std::size_t length = std::min(entry.find('\0'), entry.size());
    pieces[count++] = {const_cast<char*>(entry.data()), length};
    entry.remove_prefix(std::min(length + 1, entry.size()));
  }
  return send_(pieces.data(), static_cast<int>(count)) >= 0;
}

namespace {

int open_log_file(const std::string& path) noexcept {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                0640);
}

}  // namespace

Result<std::unique_ptr<LogTarget>> FileTarget::open(const std::string& path) {
  const int fd = open_log_file(path);
  if (fd < 0) return failed("log file " + path + " cannot be opened", errno);
  return std::unique_ptr<LogTarget>(new FileTarget(path, fd));
}

FileTarget::~FileTarget() { ::close(fd_); }

bool FileTarget::write(std::string_view line) noexcept {
  while (!line.empty()) {
    const ssize_t n = ::write(fd_, line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    line.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool FileTarget::reopen_if_wanted() noexcept {
  if (!wanted_.exchange(false)) return true;
  const int fd = open_log_file(path_);
  if (fd < 0) return false;
  ::close(std::exchange(fd_, fd));
  return true;
}

}  // namespace rategate
