#include "daemon/io/redis/tls_relay.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "daemon/io/loop/mono_clock.hpp"

namespace rategate {
namespace {

constexpr std::size_t kRecord = 16384;  // the most that a record of TLS holds, and hiredis reads

std::string message(int code) { return std::generic_category().message(code); }

bool would_block(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

}  // namespace

TlsRelay::TlsRelay(Fd socket, Fd outer, Fd inner, TlsSession session)
    : socket_(std::move(socket)),
      outer_(std::move(outer)),
      inner_(std::move(inner)),
      session_(std::move(session)) {}

Result<std::unique_ptr<TlsRelay>> TlsRelay::start(int socket, TlsSession session) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
    return Error{"there is no pair of sockets: " + message(errno)};
  }
  std::unique_ptr<TlsRelay> relay(
      new TlsRelay(Fd(socket), Fd(pair[0]), Fd(pair[1]), std::move(session)));
  relay->push();
  return relay;
}

void TlsRelay::receive() {
  char bytes[4 * kRecord];
  const ssize_t got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
  const int error = errno;
  received_ = mono_now();
  if (got > 0) {
    session_.feed({bytes, static_cast<std::size_t>(got)});
  } else if (got == 0) {
    failure_ = is_open() ? "the server closed the connection"
                         : "the server closed the connection in the TLS handshake";
  } else if (!would_block(error)) {
    failure_ = message(error);
  } else if (broken_ != 0) {
    // What the peer had said was read before: this is all that is known.
    failure_ = message(broken_);
  }
}

bool TlsRelay::deliver() {
  char text[kRecord];
  const std::size_t got = session_.read(text);
  if (got == 0) return false;
  if (::write(outer_.get(), text, got) == static_cast<ssize_t>(got)) return true;
  // hiredis reads each piece before the next one, so that there is always room.
  failure_ = "what was received could not be handed on: " + message(errno);
  return false;
}

Mono TlsRelay::push() {
  Mono before = mono_now();
  bool first = true;
  while (true) {
    session_.take_output(waiting_);
    if (first && !waiting_.empty()) {
      first = false;
      before = mono_now();
    }
    if (!send_waiting() || !is_open()) return before;
    char text[kRecord];
    const ssize_t got = ::read(outer_.get(), text, sizeof text);
    if (got <= 0) return before;
    session_.write({text, static_cast<std::size_t>(got)});
  }
}

// False: the socket takes nothing more for now, or ever. Why it is broken is found by reading from
// it: before the peer closed it, it may have said why.
bool TlsRelay::send_waiting() {
  std::string_view rest = waiting_;
  while (broken_ == 0 && !rest.empty()) {
    const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && !would_block(errno)) broken_ = errno;
    if (sent <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  waiting_.erase(0, waiting_.size() - rest.size());
  return is_written();
}

}  // namespace rategate
