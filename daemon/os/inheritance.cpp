#include "daemon/os/inheritance.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace rategate {

void hold_signal(int number) {
  sigset_t held;
  sigemptyset(&held);
  sigaddset(&held, number);
  pthread_sigmask(SIG_BLOCK, &held, nullptr);
}

void take_signals(std::initializer_list<int> numbers) {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : numbers) sigaddset(&taken, number);
  pthread_sigmask(SIG_UNBLOCK, &taken, nullptr);
}

bool open_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest number that is free is this one, because those below it are open by now.
    if (open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY) != fd) return false;
  }
  return true;
}

void keep_own_rights() { umask(umask(0) & (S_IRWXG | S_IRWXO)); }

}  // namespace rategate
