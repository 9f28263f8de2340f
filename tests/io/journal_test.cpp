// The log's way to the journal: against a socket in its place, and through libsystemd.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/io/log/log.hpp"
#include "tests/io/pipe.hpp"
#include "tests/temp_dir.hpp"
#include "tests/unit/catch.hpp"

namespace fs = std::filesystem;
using namespace rategate;
using test::Pipe;

namespace {

int bind_datagram(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

std::vector<std::string> journal_sent;

int keep_pieces(const iovec* pieces, int count) {
  journal_sent.clear();
  for (int i = 0; i < count; ++i) {
    journal_sent.emplace_back(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  return 0;
}

// A socket in the journal's place, and how the log is told of it.
struct Journal {
  test::TempDir folder;
  std::string path = (folder.path() / "journal").string();
  int fd = bind_datagram(path);
  LogPlaces places;

  Journal() {
    REQUIRE(fd >= 0);
    places.journal_socket = path;
    places.journal_send = keep_pieces;
    journal_sent.clear();
  }
  ~Journal() { end(); }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  void end() {
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }
  std::unique_ptr<Log> open(const char* target, LogFormat format, LogLevel level) const {
    auto log = Log::open({target, format}, level, places);
    REQUIRE(log);
    return std::move(*log);
  }
};

}  // namespace

TEST_CASE("the journal gets named fields") {
  const Journal journal;
  const auto log = journal.open("journal", LogFormat::Json, LogLevel::Debug);
  log->event(LogLevel::Warning, "store_away", "the store does not answer",
             {{"store", "a b\nc"}, {"waiting", 3}});
  CHECK(journal_sent ==
        std::vector<std::string>{"MESSAGE=the store does not answer store=\"a b\\x0ac\" waiting=3",
                                 "PRIORITY=4", "SYSLOG_IDENTIFIER=rategated",
                                 "RATEGATE_EVENT=store_away", "RATEGATE_STORE=a b\\x0ac",
                                 "RATEGATE_WAITING=3"});
  for (const auto& [level, priority] :
       {std::pair(LogLevel::Debug, "PRIORITY=7"), std::pair(LogLevel::Info, "PRIORITY=6"),
        std::pair(LogLevel::Error, "PRIORITY=3")}) {
    log->event(level, "x", "y");
    CHECK(journal_sent.at(1) == priority);
  }
}

TEST_CASE("a full journal does not block; what is lost is counted and said") {
  Journal journal;
  const auto log = journal.open("journal", LogFormat::Text, LogLevel::Info);

  // Fill its queue, as other programs would.
  const int other = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, journal.path.data(), journal.path.size());
  REQUIRE(::connect(other, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  while (::send(other, "x", 1, 0) == 1) {
  }
  journal_sent.clear();
  log->event(LogLevel::Info, "x", "lost");
  log->event(LogLevel::Info, "x", "lost too");
  CHECK(journal_sent.empty());
  CHECK(log->dropped() == 2);

  char byte = 0;
  while (::recv(journal.fd, &byte, 1, MSG_DONTWAIT) == 1) {
  }
  log->event(LogLevel::Info, "x", "seen");
  CHECK(journal_sent.at(0) == "MESSAGE=seen");
  CHECK(log->dropped() == 2);
  ::close(other);

  SECTION("and one that was restarted is found again") {
    journal.end();
    journal_sent.clear();
    log->event(LogLevel::Info, "x", "away");
    CHECK(journal_sent.empty());
    CHECK(log->dropped() == 3);
    ::unlink(journal.path.c_str());
    journal.fd = bind_datagram(journal.path);
    REQUIRE(journal.fd >= 0);
    log->event(LogLevel::Info, "x", "back");
    CHECK(journal_sent.at(0) == "MESSAGE=back");
  }
}

TEST_CASE("auto is the journal where stderr leads there, and stderr elsewhere") {
  Journal journal;
  LogPlaces& places = journal.places;
  const Pipe stderr_pipe;
  struct stat status{};
  REQUIRE(::fstat(stderr_pipe.fds[1], &status) == 0);
  const std::string of_stderr = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  places.stderr_fd = stderr_pipe.fds[1];
  const auto in_journal = [&] {
    journal.open("auto", LogFormat::Text, LogLevel::Info)->event(LogLevel::Info, "x", "said");
    return !journal_sent.empty();
  };

  SECTION("it leads there") {
    places.journal_stream = of_stderr.c_str();
    CHECK(in_journal());
    CHECK(journal_sent.at(0) == "MESSAGE=said");
  }
  SECTION("systemd has said nothing") {
    places.journal_stream = nullptr;
    CHECK_FALSE(in_journal());
  }
  SECTION("it was led elsewhere since") {
    const std::string other = of_stderr + "1";
    places.journal_stream = other.c_str();
    CHECK_FALSE(in_journal());
  }
  SECTION("the journal is not there") {
    places.journal_stream = of_stderr.c_str();
    places.journal_socket += "-gone";
    CHECK_FALSE(in_journal());
  }
}

TEST_CASE("without a journal there is an error") {
  LogPlaces places;
  places.journal_socket = "/nonexistent/journal";
  const auto log = Log::open({"journal", LogFormat::Text}, LogLevel::Info, places);
  REQUIRE_FALSE(log);
  CHECK(log.error() == "no journal at /nonexistent/journal: No such file or directory");
}

// sd_journal_sendv knows one path only, so a child sees a /run of its own, with a journal in it.
TEST_CASE("the journal's own protocol, through libsystemd") {
  const Pipe result;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto finish = [&](const std::string& text) {
      [[maybe_unused]] const ssize_t n = ::write(result.fds[1], text.data(), text.size());
      ::_exit(0);
    };
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", "/run", "tmpfs", 0, nullptr) != 0) {
      finish("no namespace");
    }
    fs::create_directories("/run/systemd/journal");
    const int journal = bind_datagram("/run/systemd/journal/socket");
    auto log = Log::open({"journal", LogFormat::Text}, LogLevel::Info);
    if (journal < 0 || !log) finish("no journal");
    (*log)->event(LogLevel::Error, "ready", "listening", {{"socket", "/a"}});
    char buffer[4096];
    const ssize_t n = ::recv(journal, buffer, sizeof buffer, MSG_DONTWAIT);
    finish(n < 0 ? "nothing came" : std::string(buffer, static_cast<std::size_t>(n)));
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  const std::string entry = result.read_all();
  if (entry == "no namespace" && std::getenv("CI") == nullptr) {
    std::cerr << "SKIPPED: the journal through libsystemd, for want of a mount namespace\n";
    return;
  }
  CHECK(entry ==
        "MESSAGE=listening socket=/a\nPRIORITY=3\nSYSLOG_IDENTIFIER=rategated\n"
        "RATEGATE_EVENT=ready\nRATEGATE_SOCKET=/a\n");
}
