// Answers to ATTACH that were sent and that their clients have not read. The kernel holds the
// descriptors in such an answer, and bounds by RLIMIT_NOFILE how many it holds for all sockets of
// one user: clients that never read would take shared memory from everybody. So there is a bound
// here for each process and one for all, and who is above it is told so.
//
// An answer counts until its client has read all that it was sent, or has gone. That the daemon
// closes its end is not enough: the answer lies in the client's queue then as before. Such a socket
// is kept, shut down, for as long as that lasts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/os/fd.hpp"

namespace rategate {

class UnreadAnswers {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMostOfOne = 8;  // of one process

  // Whether that process may be sent one more. Asks the kernel about each that counts so far.
  bool may_send(std::int64_t pid);
  void sent(int socket, std::int64_t pid);
  // The daemon is about to close the socket.
  void closing(int socket);

  std::size_t count() const { return answers_.size(); }
  // Sockets that are kept though the daemon has closed its end. Asks the kernel where there are
  // any.
  std::size_t kept();

 private:
  struct Answer {
    int socket;
    std::int64_t pid;
    Fd kept{-1};  // the socket's own number, once it is closed elsewhere
  };
  void forget_read();

  std::vector<Answer> answers_;  // one for each socket
};

}  // namespace rategate
