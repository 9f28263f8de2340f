#include "daemon/io/sessions/unread_answers.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace rategate {
namespace {

// Of a Unix socket: what was sent and is in the peer's queue. Nothing where the peer has gone.
bool is_read(int socket) {
  int unread = 0;
  return ioctl(socket, SIOCOUTQ, &unread) != 0 || unread == 0;
}

}  // namespace

void UnreadAnswers::forget_read() {
  std::erase_if(answers_, [](const Answer& answer) { return is_read(answer.socket); });
}

bool UnreadAnswers::may_send(std::int64_t pid) {
  forget_read();
  const auto of_it = std::count_if(answers_.begin(), answers_.end(),
                                   [pid](const Answer& answer) { return answer.pid == pid; });
  return answers_.size() < kMost && of_it < static_cast<std::ptrdiff_t>(kMostOfOne);
}

void UnreadAnswers::sent(int socket, std::int64_t pid) { answers_.push_back({socket, pid}); }

void UnreadAnswers::closing(int socket) {
  forget_read();
  for (Answer& answer : answers_) {
    if (answer.socket != socket || answer.kept.get() >= 0) continue;
    answer.kept.reset(fcntl(socket, F_DUPFD_CLOEXEC, 0));
    answer.socket = answer.kept.get();
    shutdown(socket, SHUT_RDWR);
  }
  // Without a descriptor for it there is nothing to ask the kernel by.
  std::erase_if(answers_, [](const Answer& answer) { return answer.socket < 0; });
}

std::size_t UnreadAnswers::kept() {
  const auto count = [this] {
    return std::count_if(answers_.begin(), answers_.end(),
                         [](const Answer& answer) { return answer.kept.get() >= 0; });
  };
  if (count() > 0) forget_read();
  return static_cast<std::size_t>(count());
}

}  // namespace rategate
