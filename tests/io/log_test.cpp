// The log against real pipes, sockets and files.
#include "daemon/io/log/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "daemon/io/log/log_line.hpp"
#include "tests/io/pipe.hpp"
#include "tests/temp_dir.hpp"
#include "tests/unit/catch.hpp"

namespace fs = std::filesystem;
using namespace rategate;
using test::Pipe;

namespace {

std::string content(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::unique_ptr<Log> open_stderr(int fd, LogFormat format = LogFormat::Text) {
  LogPlaces places;
  places.stderr_fd = fd;
  auto log = Log::open({"stderr", format}, LogLevel::Info, places);
  REQUIRE(log);
  return std::move(*log);
}

std::string without_time(const std::string& line) {
  REQUIRE(line.size() > 24);
  REQUIRE(line[10] == 'T');
  REQUIRE(line[23] == 'Z');
  return line.substr(25);
}

const LogEvent kEvent{
    std::chrono::system_clock::time_point(std::chrono::milliseconds(1'769'853'600'123)),
    LogLevel::Warning,
    "store_away",
    "the store does not answer",
    {}};

}  // namespace

TEST_CASE("a text line has time, level, event, message and fields") {
  const std::array fields{Field("store", "10.0.0.1:6379"), Field("waiting", 12),
                          Field("policy", "a b\"c"), Field("again", true), Field("none", "")};
  LogEvent event = kEvent;
  event.fields = fields;
  CHECK(text_line(event) ==
        "2026-01-31T10:00:00.123Z warning store_away: the store does not answer "
        "store=10.0.0.1:6379 waiting=12 policy=\"a b\\\"c\" again=true none=\"\"\n");
}

TEST_CASE("a JSON line has the fields as keys, with their types") {
  const std::array fields{Field("store", "a\"b\\c\n"), Field("waiting", -12),
                          Field("again", false)};
  LogEvent event = kEvent;
  event.fields = fields;
  CHECK(json_line(event) ==
        "{\"time\":\"2026-01-31T10:00:00.123Z\",\"level\":\"warning\",\"event\":\"store_away\","
        "\"message\":\"the store does not answer\",\"store\":\"a\\\"b\\\\c\\u000a\","
        "\"waiting\":-12,\"again\":false}\n");
}

TEST_CASE("what a value holds cannot break the line") {
  const std::array fields{Field("v", "x\ny\x1b[31m\x7f\xff\xc3\xa9\xed\xa0\x80")};
  LogEvent event = kEvent;
  event.fields = fields;
  CHECK(text_line(event).ends_with(" v=\"x\\x0ay\\x1b[31m\\x7f\\xff\xc3\xa9\\xed\\xa0\\x80\"\n"));
  CHECK(json_line(event).ends_with(
      ",\"v\":\"x\\u000ay\\u001b[31m\\u007f\\ufffd\xc3\xa9\\ufffd\\ufffd\\ufffd\"}\n"));
}

TEST_CASE("no line is longer than a pipe takes at once") {
  const std::string wide(5000, '\x01');
  const std::vector<Field> fields(100, Field("field", wide));
  LogEvent event = kEvent;
  event.message = wide;
  event.fields = fields;
  for (const auto& line : {text_line(event), json_line(event)}) {
    CHECK(line.size() <= kMaxLogLine);
    CHECK(line.size() > 3000);
    CHECK(line.ends_with('\n'));
  }
  CHECK(json_line(event).ends_with("...\"}\n"));
}

TEST_CASE("a long message is cut between characters") {
  std::string message;
  while (message.size() < 1030) message += "\xe2\x82\xac";  // three bytes each
  LogEvent event = kEvent;
  event.message = message;
  const std::string line = text_line(event);
  const std::string head = "2026-01-31T10:00:00.123Z warning store_away: ";
  CHECK(line == head + message.substr(0, 1020) + "...\n");
}

TEST_CASE("stderr: an event is one line, and lower levels are not written") {
  const Pipe pipe;
  const auto log = open_stderr(pipe.fds[1]);
  log->event(LogLevel::Debug, "not_this", "below the level");
  log->event(LogLevel::Info, "ready", "listening", {{"socket", "/run/rg.sock"}});
  CHECK(without_time(pipe.read_all()) == "info ready: listening socket=/run/rg.sock\n");
  CHECK(log->dropped() == 0);
}

TEST_CASE("the level can be changed") {
  const Pipe pipe;
  const auto log = open_stderr(pipe.fds[1]);
  CHECK_FALSE(log->enabled(LogLevel::Debug));
  log->set_level(LogLevel::Debug);
  CHECK(log->enabled(LogLevel::Debug));
  log->event(LogLevel::Debug, "x", "now seen");
  CHECK(without_time(pipe.read_all()) == "debug x: now seen\n");
  log->set_level(LogLevel::Error);
  log->event(LogLevel::Warning, "x", "not seen");
  CHECK(pipe.read_all().empty());
}

TEST_CASE("a message is not a format") {
  const Pipe pipe;
  const auto log = open_stderr(pipe.fds[1]);
  log->event(LogLevel::Error, "x", "{} %s {0}");
  CHECK(without_time(pipe.read_all()) == "error x: {} %s {0}\n");
}

TEST_CASE("a full pipe does not block; what is lost is counted, and said with the next line") {
  const Pipe pipe;
  REQUIRE(::fcntl(pipe.fds[1], F_SETPIPE_SZ, 4096) == 4096);
  const auto log = open_stderr(pipe.fds[1]);
  const std::string message(900, 'x');
  std::uint64_t written = 0;
  while (log->dropped() == 0) {
    REQUIRE(written < 100);
    log->event(LogLevel::Info, "fill", message);
    ++written;
  }
  for (int i = 0; i < 4; ++i) log->event(LogLevel::Info, "fill", message);
  CHECK(log->dropped() == 5);

  // Nobody else's writes were made non-blocking by that.
  CHECK((::fcntl(pipe.fds[1], F_GETFL) & O_NONBLOCK) == 0);

  // The notice is short, so some may have found room where no whole line did.
  std::string all = pipe.read_all();
  log->event(LogLevel::Info, "after", "there is room again");
  all += pipe.read_all();
  std::istringstream lines(all);
  std::string line;
  std::string last;
  int said = 0;
  const std::string notice = "warning log_dropped: lines of the log could not be written lines=";
  while (std::getline(lines, line)) {
    last = without_time(line);
    if (last.starts_with(notice)) said += std::stoi(last.substr(notice.size()));
  }
  CHECK(said == 5);
  CHECK(last == "info after: there is room again");
  log->event(LogLevel::Info, "later", "said once");
  CHECK(without_time(pipe.read_all()) == "info later: said once\n");
  CHECK(log->dropped() == 5);
}

TEST_CASE("a pipe without a reader loses lines and nothing else") {
  // As the daemon does; without it a write would end the process.
  struct sigaction ignore{};
  struct sigaction before{};
  ignore.sa_handler = SIG_IGN;
  REQUIRE(::sigaction(SIGPIPE, &ignore, &before) == 0);
  Pipe pipe;
  const auto log = open_stderr(pipe.fds[1]);
  pipe.close_reader();
  log->event(LogLevel::Info, "x", "to nobody");
  CHECK(log->dropped() == 1);
  ::sigaction(SIGPIPE, &before, nullptr);
}

TEST_CASE("a full socket does not block, and no line is torn") {
  std::array<int, 2> pair{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
  const auto log = open_stderr(pair[0]);
  const std::string message(900, 'x');
  int count = 0;
  while (log->dropped() == 0) {
    REQUIRE(++count < 10000);
    log->event(LogLevel::Info, "fill", message);
  }
  std::string all;
  const auto drain = [&] {
    char buffer[65536];
    ssize_t n = 0;
    while ((n = ::recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
      all.append(buffer, static_cast<std::size_t>(n));
    }
  };
  drain();
  log->event(LogLevel::Info, "after", "room");
  drain();
  std::istringstream lines(all);
  std::string line;
  std::vector<std::string> names;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string time;
    std::string level;
    std::string name;
    words >> time >> level >> name;
    REQUIRE((level == "info" || level == "warning"));
    names.push_back(name);
  }
  REQUIRE(names.size() == static_cast<std::size_t>(count) - log->dropped() + 2);
  CHECK(names[names.size() - 2] == "log_dropped:");
  CHECK(names.back() == "after:");
  ::close(pair[0]);
  ::close(pair[1]);
}

TEST_CASE("a closed stderr is survived") {
  const auto log = open_stderr(-1);
  log->event(LogLevel::Error, "x", "nowhere");
  CHECK(log->dropped() == 1);
}

TEST_CASE("a file has every line when the log is closed") {
  const test::TempDir folder;
  const fs::path path = folder.path() / "rategate.log";
  {
    auto log = Log::open({"file:" + path.string(), LogFormat::Json}, LogLevel::Info);
    REQUIRE(log);
    for (int i = 0; i < 500; ++i) (*log)->event(LogLevel::Info, "line", "text", {{"number", i}});
  }
  std::istringstream lines(content(path));
  std::string line;
  int number = 0;
  for (; std::getline(lines, line); ++number) {
    REQUIRE(line.ends_with(",\"number\":" + std::to_string(number) + "}"));
  }
  CHECK(number == 500);
  CHECK((fs::status(path).permissions() & fs::perms::others_all) == fs::perms::none);
}

TEST_CASE("a file is opened anew by its name") {
  const test::TempDir folder;
  const fs::path path = folder.path() / "rategate.log";
  const fs::path old = folder.path() / "rategate.log.1";
  {
    auto log = Log::open({"file:" + path.string(), LogFormat::Text}, LogLevel::Info);
    REQUIRE(log);
    (*log)->event(LogLevel::Info, "one", "before");
    fs::rename(path, old);
    (*log)->event(LogLevel::Info, "two", "still the old one");
    (*log)->reopen();
    (*log)->event(LogLevel::Info, "three", "the new one");
    CHECK((*log)->dropped() == 0);
  }
  // What was still queued may go to either; what came after, only to the new one.
  CHECK(content(old).find("three") == std::string::npos);
  std::istringstream lines(content(old) + content(path));
  std::string all;
  for (std::string line; std::getline(lines, line);) all += without_time(line) + "\n";
  CHECK(all == "info one: before\ninfo two: still the old one\ninfo three: the new one\n");
}

TEST_CASE("a file that cannot be opened anew stays the old one") {
  const test::TempDir folder;
  const fs::path in = folder.path() / "in";
  fs::create_directory(in);
  const fs::path path = in / "rategate.log";
  const fs::path moved = folder.path() / "out";
  {
    auto log = Log::open({"file:" + path.string(), LogFormat::Text}, LogLevel::Info);
    REQUIRE(log);
    fs::rename(in, moved);
    (*log)->reopen();
    (*log)->event(LogLevel::Info, "x", "kept");
  }
  const std::string text = content(moved / "rategate.log");
  CHECK(text.find("warning log_dropped: lines of the log could not be written lines=1\n") !=
        std::string::npos);
  CHECK(text.ends_with("info x: kept\n"));
}

TEST_CASE("a file that takes nothing loses lines, which are counted") {
  if (!fs::exists("/dev/full")) return;
  auto log = Log::open({"file:/dev/full", LogFormat::Text}, LogLevel::Info);
  REQUIRE(log);
  (*log)->event(LogLevel::Info, "x", "no room");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while ((*log)->dropped() == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  CHECK((*log)->dropped() == 1);
}

TEST_CASE("a file that blocks does not block who logs; the oldest lines give way") {
  const test::TempDir folder;
  const fs::path path = folder.path() / "fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int reader = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  {
    auto log = Log::open({"file:" + path.string(), LogFormat::Text}, LogLevel::Info);
    REQUIRE(log);
    for (int i = 0; i < 20000; ++i) (*log)->event(LogLevel::Info, "line", "text");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while ((*log)->dropped() == 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    CHECK((*log)->dropped() > 0);
  }
  ::close(reader);
}

TEST_CASE("a file that cannot be opened is an error that names it") {
  const auto log = Log::open({"file:/nonexistent/x.log", LogFormat::Text}, LogLevel::Info);
  REQUIRE_FALSE(log);
  CHECK(log.error() == "log file /nonexistent/x.log cannot be opened: No such file or directory");
}

TEST_CASE("any thread may log") {
  const test::TempDir folder;
  const fs::path path = folder.path() / "rategate.log";
  std::uint64_t dropped = 0;
  {
    auto log = Log::open({"file:" + path.string(), LogFormat::Text}, LogLevel::Info);
    REQUIRE(log);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i) (*log)->event(LogLevel::Info, "line", "text");
      });
    }
    for (auto& thread : threads) thread.join();
    dropped = (*log)->dropped();
  }
  const std::string text = content(path);
  CHECK(dropped == 0);
  CHECK(std::count(text.begin(), text.end(), '\n') == 400);
}
