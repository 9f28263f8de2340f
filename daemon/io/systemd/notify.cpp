// sd_notify() itself looks its socket up in the environment at each call and may wait for room, so
// the messages are sent here; what systemd passed is read by libsystemd.
#include "daemon/io/systemd/notify.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <system_error>

namespace rategate {
namespace {

constexpr int kRoomTimeoutMs = 1000;

// A datagram socket connected to systemd's, or -1: a path, or "@" and an abstract name.
int connect_to(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path) return -1;
  if (path[0] != '/' && path[0] != '@') return -1;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());

  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (c == '\n' || c == '\r' || c == '\0') c = ' ';
  }
  return line;
}

}  // namespace

// The environment is changed before there are other threads, as the header asks for.
// NOLINTBEGIN(concurrency-mt-unsafe)
Notify::Notify() {
  if (const char* path = std::getenv("NOTIFY_SOCKET")) fd_ = connect_to(path);
  std::uint64_t usec = 0;
  if (sd_watchdog_enabled(1, &usec) > 0) interval_ = std::chrono::microseconds(usec / 2);
  listen_count_ = sd_listen_fds(1);
  ::unsetenv("NOTIFY_SOCKET");
}
// NOLINTEND(concurrency-mt-unsafe)

Notify::~Notify() {
  if (fd_ >= 0) ::close(fd_);
}

void Notify::send(std::string_view message, Loss loss) {
  if (fd_ < 0) return;
  while (::send(fd_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN || loss == Loss::Harmless) return;
    pollfd room{fd_, POLLOUT, 0};
    if (::poll(&room, 1, kRoomTimeoutMs) <= 0) return;
  }
}

void Notify::ready(std::string_view status) {
  send("READY=1\nSTATUS=" + one_line(status), Loss::Harmful);
}

void Notify::status(std::string_view text) { send("STATUS=" + one_line(text), Loss::Harmless); }

void Notify::reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto usec = static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec), Loss::Harmful);
}

void Notify::stopping() { send("STOPPING=1", Loss::Harmful); }

void Notify::watchdog() { send("WATCHDOG=1", Loss::Harmless); }

Result<std::vector<int>> Notify::listen_fds() const {
  if (listen_count_ < 0) {
    return Error{"the sockets that were passed cannot be used: " +
                 std::generic_category().message(-listen_count_)};
  }
  std::vector<int> fds;
  for (int i = 0; i < listen_count_; ++i) {
    const int fd = SD_LISTEN_FDS_START + i;
    if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0) {
      return Error{"file descriptor " + std::to_string(fd) +
                   ", which was passed for listening, is not a Unix stream socket that listens"};
    }
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
      return Error{"file descriptor " + std::to_string(fd) +
                   " cannot be made non-blocking: " + std::generic_category().message(errno)};
    }
    fds.push_back(fd);
  }
  return fds;
}

}  // namespace rategate
