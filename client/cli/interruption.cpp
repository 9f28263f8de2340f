#include "client/cli/interruption.hpp"

#include <pthread.h>
#include <unistd.h>

#include <utility>

namespace rategate::cli {
namespace {

constexpr int kEnding[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

bool is_ignored(int number) {
  struct sigaction now{};
  return sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

// By which the watching thread is told to end.
int stop_signal() { return SIGRTMIN; }

}  // namespace

Interruption::Interruption(std::function<void()> act) : act_(std::move(act)) {
  sigemptyset(&held_);
  for (const int number : kEnding) {
    if (!is_ignored(number)) sigaddset(&held_, number);
  }
  sigaddset(&held_, stop_signal());
  // Before there is the other thread, which has it from this one.
  pthread_sigmask(SIG_BLOCK, &held_, nullptr);
  watching_ = std::thread([this] { watch(); });
}

void Interruption::watch() {
  int number = 0;
  while (sigwait(&held_, &number) != 0) {
  }
  if (finishing_ && number == stop_signal()) return;
  number_ = number;
  act_();
}

int Interruption::finish() {
  if (watching_.joinable()) {
    finishing_ = true;
    pthread_kill(watching_.native_handle(), stop_signal());
    watching_.join();
  }
  return number_;
}

void end_by(int number) {
  signal(number, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, number);
  raise(number);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  _exit(128 + number);
}

}  // namespace rategate::cli
