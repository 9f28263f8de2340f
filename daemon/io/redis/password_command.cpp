#include "daemon/io/redis/password_command.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <utility>

#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/os/fd.hpp"

namespace rategate {
namespace {

constexpr std::size_t kMostComplaint = 256;  // bytes of it that are told

Error failed(const char* what, int code) {
  return Error{std::string(what) + ": " + uv_strerror(code)};
}

// The first line, fit for a line of the log.
std::string first_line(const std::string& text) {
  std::string line = text.substr(0, text.find_first_of("\r\n"));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  return line;
}

}  // namespace

struct PasswordCommand::Run {
  // What comes through one of its two pipes.
  struct Output {
    UvHandle<uv_pipe_t> pipe;
    std::string text;
    bool ended = false;
    Run* run = nullptr;
  };

  explicit Run(PasswordCommand& of) : owner(of) {}

  std::optional<Error> open(Output& output, Fd& child);
  std::optional<Error> spawn(const std::vector<std::string>& words, int out, int err);
  void read(Output& output);
  void received(Output& output, const char* bytes, ssize_t count);
  void kill(std::string why);
  void kill_late();
  bool is_over() const { return exited && (!failure.empty() || (out.ended && err.ended)); }
  Result<std::string> outcome() const;

  PasswordCommand& owner;
  UvHandle<uv_process_t> process;
  UvHandle<uv_timer_t> timer;
  Output out;
  Output err;
  bool exited = false;
  std::int64_t status = 0;
  int signal = 0;
  std::string failure;  // why it was killed
  char buffer[4096] = {};
};

// Pipes and not libuv's pairs of sockets, which no program can open by the name /dev/stdout.
std::optional<Error> PasswordCommand::Run::open(Output& output, Fd& child) {
  uv_file ends[2];
  if (const int code = uv_pipe(ends, UV_NONBLOCK_PIPE, 0); code != 0) {
    return failed("cannot make a pipe", code);
  }
  child = Fd(ends[1]);
  output.run = this;
  uv_pipe_init(owner.loop_, output.pipe.get(), 0);
  output.pipe.opened(&output);
  uv_pipe_open(output.pipe.get(), ends[0]);
  return std::nullopt;
}

std::optional<Error> PasswordCommand::Run::spawn(const std::vector<std::string>& words, int out_fd,
                                                 int err_fd) {
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  uv_stdio_container_t stdio[3]{};
  stdio[0].flags = UV_IGNORE;
  for (const auto& [number, fd] : {std::pair(1, out_fd), std::pair(2, err_fd)}) {
    stdio[number].flags = UV_INHERIT_FD;
    stdio[number].data.fd = fd;
  }
  uv_process_options_t options{};
  options.file = arguments[0];
  options.args = arguments.data();
  options.flags = UV_PROCESS_DETACHED;  // what it starts itself is killed with it
  options.stdio = stdio;
  options.stdio_count = 3;
  options.exit_cb = [](uv_process_t* ended, std::int64_t code, int number) {
    auto* run = static_cast<Run*>(ended->data);
    if (run == nullptr) return;
    run->exited = true;
    run->status = code;
    run->signal = number;
    if (run->is_over()) run->owner.over();
  };
  const int code = uv_spawn(owner.loop_, process.get(), &options);
  process.opened(this);  // libuv knows it also where it could not be started
  if (code != 0) return failed("cannot be run", code);
  return std::nullopt;
}

void PasswordCommand::Run::read(Output& output) {
  uv_read_start(
      reinterpret_cast<uv_stream_t*>(output.pipe.get()),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
        Run* run = static_cast<Output*>(handle->data)->run;
        *into = uv_buf_init(run->buffer, sizeof run->buffer);
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* bytes) {
        auto* to = static_cast<Output*>(stream->data);
        if (to != nullptr) to->run->received(*to, bytes->base, count);
      });
}

void PasswordCommand::Run::received(Output& output, const char* bytes, ssize_t count) {
  if (count == 0) return;
  if (count < 0) {
    output.ended = true;
    output.pipe.close();
    if (is_over()) owner.over();
    return;
  }
  const auto size = static_cast<std::size_t>(count);
  if (&output == &err) {  // all of it is read, for nobody shall wait until somebody does
    err.text.append(bytes, std::min(size, kMostComplaint - err.text.size()));
  } else if (out.text.size() + size > kMostWritten) {
    kill("wrote more than 64 KiB");
  } else {
    out.text.append(bytes, size);
  }
}

// Also when it has exited itself: what it had started may hold its output open.
void PasswordCommand::Run::kill(std::string why) {
  if (failure.empty()) failure = std::move(why);
  ::kill(-process.get()->pid, SIGKILL);
  out.pipe.close();
  if (is_over()) owner.over();
}

void PasswordCommand::Run::kill_late() {
  const std::string within = " within " + std::to_string(kMostSeconds) + " s";
  kill(exited ? "ended, and what it had started did not close its output" + within
              : "did not end" + within);
}

Result<std::string> PasswordCommand::Run::outcome() const {
  std::string why = failure;
  if (why.empty() && signal != 0) why = "was ended by signal " + std::to_string(signal);
  if (why.empty() && status != 0) why = "ended with " + std::to_string(status);
  if (why.empty()) return out.text;
  const std::string complaint = first_line(err.text);
  return Error{complaint.empty() ? why : why + ": " + complaint};
}

PasswordCommand::PasswordCommand(uv_loop_t* loop, PasswordCommandEvents& events)
    : loop_(loop), events_(events) {}

PasswordCommand::~PasswordCommand() {
  if (run_ != nullptr && !run_->exited) ::kill(-run_->process.get()->pid, SIGKILL);
}

std::optional<Error> PasswordCommand::start(const std::vector<std::string>& words) {
  auto run = std::make_unique<Run>(*this);
  Fd out(-1);
  Fd err(-1);
  if (auto error = run->open(run->out, out)) return error;
  if (auto error = run->open(run->err, err)) return error;
  if (auto error = run->spawn(words, out.get(), err.get())) return error;
  run->read(run->out);
  run->read(run->err);
  uv_update_time(loop_);
  uv_timer_init(loop_, run->timer.get());
  run->timer.opened(run.get());
  uv_timer_start(
      run->timer.get(), [](uv_timer_t* timer) { static_cast<Run*>(timer->data)->kill_late(); },
      static_cast<std::uint64_t>(kMostSeconds) * 1000, 0);
  run_ = std::move(run);
  return std::nullopt;
}

void PasswordCommand::over() {
  const std::unique_ptr<Run> run = std::move(run_);
  events_.password_command_ended(run->outcome());
}

}  // namespace rategate
