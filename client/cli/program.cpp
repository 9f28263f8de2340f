#include "client/cli/program.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <system_error>

#include "client/cli/exit_code.hpp"
#include "client/cli/output.hpp"

namespace rategate::cli {
namespace {

constexpr int kPassedOn[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

// While it lives, the signals that are passed on, and that of a child's end, wait to be taken.
class HeldSignals {
 public:
  HeldSignals() {
    signal(SIGCHLD, SIG_DFL);  // ignored, as some parents leave it, children vanish unseen
    sigemptyset(&held_);
    for (const int number : kPassedOn) sigaddset(&held_, number);
    sigaddset(&held_, SIGCHLD);
    sigprocmask(SIG_BLOCK, &held_, &before_);
  }
  ~HeldSignals() { release(); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  void release() const { sigprocmask(SIG_SETMASK, &before_, nullptr); }

  // The next one; 0 when a second has passed without one.
  int take(siginfo_t& info) const {
    const timespec second{1, 0};
    const int number = sigtimedwait(&held_, &info, &second);
    return number > 0 ? number : 0;
  }

 private:
  sigset_t held_{};
  sigset_t before_{};
};

[[noreturn]] void be_child(const std::vector<std::string>& program, const HeldSignals& signals,
                           pid_t parent) {
  // Work must not go on after its slot was given back.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kRunFailed);
  signals.release();
  _exit(become(program));
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

int become(const std::vector<std::string>& program) {
  std::vector<char*> words;
  for (const std::string& word : program) words.push_back(const_cast<char*>(word.data()));
  words.push_back(nullptr);
  execvp(words[0], words.data());
  const int error = errno;
  complain("cannot run '" + program[0] + "': " + std::strerror(error));
  return error == ENOENT ? kNotFound : kCannotExecute;
}

int run_beside(const std::vector<std::string>& program, const std::function<void()>& look) {
  const HeldSignals signals;
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "cannot run a command");
  if (child == 0) be_child(program, signals, parent);
  for (;;) {
    siginfo_t info{};
    const int number = signals.take(info);
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) return exit_code(status);
    // What the kernel sends, as for ^C, goes to all processes at the terminal.
    if (number != 0 && number != SIGCHLD && info.si_code <= 0) kill(child, number);
    if (number == 0) look();
  }
}

}  // namespace rategate::cli
