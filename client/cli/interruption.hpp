// Signals that are to end this process while it does what must not be left half done.
#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <thread>

namespace rategate::cli {

// While it watches, the first of SIGHUP, SIGINT, SIGQUIT and SIGTERM that comes makes another
// thread call `act`, once. Those that this process was started to ignore stay ignored. The signals
// are held back from then on, also when it has ended.
class Interruption {
 public:
  explicit Interruption(std::function<void()> act);
  ~Interruption() { finish(); }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  // Watches no more. The signal that has come; 0: none has.
  int finish();

 private:
  void watch();

  std::function<void()> act_;
  sigset_t held_{};
  std::atomic<bool> finishing_{false};
  int number_ = 0;  // the watching thread's, until that has ended
  std::thread watching_;
};

// Ends this process as the signal does by itself.
[[noreturn]] void end_by(int number);

}  // namespace rategate::cli
