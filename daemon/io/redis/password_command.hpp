// Runs the program that tells the password, one run at a time: without a shell, as the user of this
// process, in a session of its own, with /dev/null to read from. What it writes is never logged; of
// what it complains about the first line is told, should it fail.
//
// Not thread-safe.
#pragma once

#include <uv.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/result.hpp"

namespace rategate {

class PasswordCommandEvents {
 public:
  PasswordCommandEvents() = default;
  PasswordCommandEvents(const PasswordCommandEvents&) = delete;
  PasswordCommandEvents& operator=(const PasswordCommandEvents&) = delete;
  virtual ~PasswordCommandEvents() = default;

  // All that it wrote, once it has ended well. Error: why there is nothing.
  virtual void password_command_ended(Result<std::string> written) = 0;
};

class PasswordCommand {
 public:
  // What a run may take and write, after which it is killed.
  static constexpr int kMostSeconds = 5;
  static constexpr std::size_t kMostWritten = std::size_t{64} << 10;

  // Both outlive it.
  PasswordCommand(uv_loop_t* loop, PasswordCommandEvents& events);
  ~PasswordCommand();  // kills a run
  PasswordCommand(const PasswordCommand&) = delete;
  PasswordCommand& operator=(const PasswordCommand&) = delete;

  // Begins a run of a program, by its path, with its arguments; there is none yet. Its end is told
  // later. Error: it could not begin, and nothing is told.
  std::optional<Error> start(const std::vector<std::string>& words);
  bool is_running() const { return run_ != nullptr; }

 private:
  struct Run;

  void over();

  uv_loop_t* loop_;
  PasswordCommandEvents& events_;
  std::unique_ptr<Run> run_;
};

}  // namespace rategate
