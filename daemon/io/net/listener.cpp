#include "daemon/io/net/listener.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "daemon/config/address.hpp"
#include "daemon/os/accounts.hpp"
#include "daemon/os/fd.hpp"

namespace rategate {
namespace {

constexpr int kBacklog = 1024;

int unix_socket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Error failed(const std::string& what, const std::string& path) {
  return Error{"cannot " + what + " " + path + ": " + std::strerror(errno)};
}

// Nothing when `path` is free or holds a stale socket.
Result<bool> check_free(const std::string& path) {
  struct stat file{};
  if (lstat(path.c_str(), &file) != 0) {
    if (errno == ENOENT) return true;
    return failed("look at", path);
  }
  if (!S_ISSOCK(file.st_mode)) return Error{path + " exists and is no socket"};
  const Fd probe(unix_socket());
  const sockaddr_un address = address_of(path);
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EAGAIN) {
    if (errno == ECONNREFUSED) return true;
    return failed("look at", path);
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  std::string who = "another process";
  if (getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0) {
    who = "process " + std::to_string(peer.pid);
  }
  return Error{who + " already listens on " + path};
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::bind(uv_loop_t* loop, const ServerConfig& config) {
  const std::string& path = config.socket;
  // Made beside its place and then moved there: nobody ever meets a socket that does not listen
  // yet or has not its permissions yet.
  const std::string fresh = path + "." + std::to_string(getpid());
  if (fresh.size() >= sizeof(sockaddr_un{}.sun_path)) {
    return Error{"the socket's path is too long: " + path};
  }
  if (const auto is_free = check_free(path); !is_free) return Error{is_free.error()};

  Fd fd(unix_socket());
  const sockaddr_un address = address_of(fresh);
  if (fd.get() < 0) return failed("make the socket", path);
  unlink(fresh.c_str());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failed("make the socket", path);
  }
  struct Unlink {
    const std::string& path;
    ~Unlink() { unlink(path.c_str()); }
  } const remove_on_failure{fresh};

  const auto group = group_of(config);
  if (!group) return Error{group.error()};
  if (const auto& id = *group; id && chown(fresh.c_str(), static_cast<uid_t>(-1), *id) != 0) {
    return failed("give group " + config.socket_group + " the socket", path);
  }
  struct stat made{};
  if (chmod(fresh.c_str(), config.socket_mode) != 0 || ::listen(fd.get(), kBacklog) != 0 ||
      stat(fresh.c_str(), &made) != 0 || rename(fresh.c_str(), path.c_str()) != 0) {
    return failed("make the socket", path);
  }
  auto listener = adopt(loop, fd.release());
  if (!listener) return listener;
  (*listener)->path_ = path;
  (*listener)->owned_ = true;
  (*listener)->device_ = made.st_dev;
  (*listener)->inode_ = made.st_ino;
  return listener;
}

Result<std::optional<gid_t>> Listener::group_of(const ServerConfig& config) {
  if (config.socket_group.empty()) return std::optional<gid_t>();
  const auto group = group_id(config.socket_group);
  if (!group) return Error{group.error() + " (socket_group)"};
  return std::optional(*group);
}

Result<std::unique_ptr<Listener>> Listener::bind_tcp(uv_loop_t* loop, const ServerConfig& config) {
  const auto address = parse_tcp_address(config.tcp);
  if (!address) return Error{"tcp: " + address.error()};
  Fd fd(socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  // Connections inherit both: an answer is not held back for the next, and who has gone is noticed.
  if (fd.get() < 0 || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
      setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) != 0 ||
      ::bind(fd.get(), &address->any, address->size) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return failed("listen on", config.tcp);
  }
  return adopt(loop, fd.release());
}

Result<std::unique_ptr<Listener>> Listener::adopt(uv_loop_t* loop, int fd) {
  Fd owned(fd);
  std::unique_ptr<Listener> listener(new Listener);
  uv_pipe_init(loop, listener->pipe_.get(), 0);
  listener->pipe_.opened(listener.get());
  if (const int failure = uv_pipe_open(listener->pipe_.get(), fd); failure != 0) {
    return Error{std::string("cannot use the socket: ") + uv_strerror(failure)};
  }
  owned.release();
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
      size > offsetof(sockaddr_un, sun_path)) {
    listener->path_ = address.sun_family == AF_UNIX ? address.sun_path : to_text(local_address(fd));
  }
  listener->local_ = address.sun_family == AF_UNIX;
  return listener;
}

Listener::~Listener() {
  struct stat file{};
  if (owned_ && stat(path_.c_str(), &file) == 0 && file.st_dev == device_ &&
      file.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

Result<bool> Listener::listen(ListenerEvents& events) {
  events_ = &events;
  const int failure = uv_listen(reinterpret_cast<uv_stream_t*>(pipe_.get()), kBacklog,
                                [](uv_stream_t* server, int status) {
                                  auto* listener = static_cast<Listener*>(server->data);
                                  if (listener != nullptr && status == 0)
                                    listener->events_->arrived(*listener);
                                });
  if (failure != 0) return Error{std::string("cannot listen: ") + uv_strerror(failure)};
  return true;
}

bool Listener::accept(uv_stream_t* stream) {
  return uv_accept(reinterpret_cast<uv_stream_t*>(pipe_.get()), stream) == 0;
}

}  // namespace rategate
