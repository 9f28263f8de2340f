// What systemd is told, read from a NOTIFY_SOCKET of the test's own.
#include "daemon/io/systemd/notify.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>

#include "tests/unit/catch.hpp"

namespace fs = std::filesystem;
using namespace rategate;

namespace {

// A manager that listens, and the environment that points to it.
class Manager {
 public:
  explicit Manager(bool abstract = false) {
    std::string name = (fs::temp_directory_path() / "rategate-notify-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    std::string path = abstract ? "@" + name : name + "/socket";
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (abstract) address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~Manager() {
    ::close(fd_);
    ::unsetenv("NOTIFY_SOCKET");
    fs::remove_all(folder_);
  }
  std::string next() const {
    char buffer[4096];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return n < 0 ? "nothing" : std::string(buffer, static_cast<std::size_t>(n));
  }

 private:
  fs::path folder_;
  int fd_ = -1;
};

std::int64_t monotonic_usec() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

// Runs in a child that has only `fds` as what systemd passes, from 3 on. Gives its exit status.
int with_listen_fds(const std::vector<int>& fds, const std::function<int()>& body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int next = 3;
    for (const int fd : fds) {
      // Out of the way first, since one of them may stand where another belongs.
      const int copy = ::fcntl(fd, F_DUPFD, 100);
      ::dup2(copy, next++);
      ::close(copy);
    }
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", std::to_string(fds.size()).c_str(), 1);
    ::_exit(body());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int listening_socket(int type = SOCK_STREAM) {
  const int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;  // bound to a name of the kernel's choice
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)) == 0);
  if (type == SOCK_STREAM) REQUIRE(::listen(fd, 5) == 0);
  return fd;
}

}  // namespace

TEST_CASE("without systemd nothing is told and nothing was given") {
  ::unsetenv("NOTIFY_SOCKET");
  Notify notify;
  CHECK_FALSE(notify.active());
  notify.ready("x");
  notify.status("x");
  notify.reloading();
  notify.watchdog();
  notify.stopping();
  CHECK_FALSE(notify.watchdog_interval());
  const auto fds = notify.listen_fds();
  REQUIRE(fds);
  CHECK(fds->empty());
}

TEST_CASE("states are told in systemd's words") {
  const Manager manager(GENERATE(false, true));
  Notify notify;
  REQUIRE(notify.active());
  CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);

  notify.ready("listening");
  CHECK(manager.next() == "READY=1\nSTATUS=listening");
  notify.status("store away\nREADY=1");
  CHECK(manager.next() == "STATUS=store away READY=1");
  notify.watchdog();
  CHECK(manager.next() == "WATCHDOG=1");
  notify.stopping();
  CHECK(manager.next() == "STOPPING=1");

  const std::int64_t before = monotonic_usec();
  notify.reloading();
  const std::string text = manager.next();
  const std::string head = "RELOADING=1\nMONOTONIC_USEC=";
  REQUIRE(text.starts_with(head));
  const std::int64_t told = std::stoll(text.substr(head.size()));
  CHECK(told >= before);
  CHECK(told <= monotonic_usec());
}

TEST_CASE("a manager that does not read does not hold up a sign of life") {
  const Manager manager;
  Notify notify;
  for (int i = 0; i < 100'000; ++i) notify.watchdog();  // more than any queue holds
  CHECK(manager.next() == "WATCHDOG=1");
}

TEST_CASE("a manager that is away is survived") {
  ::setenv("NOTIFY_SOCKET", GENERATE("/nonexistent/socket", "relative", "@", ""), 1);
  Notify notify;
  CHECK_FALSE(notify.active());
  notify.ready("x");
  CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);
}

TEST_CASE("the watchdog is fed twice as often as it asks") {
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  SECTION("for this process") {
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    const Notify notify;
    CHECK(notify.watchdog_interval() == std::chrono::seconds(15));
  }
  SECTION("for any process") {
    const Notify notify;
    CHECK(notify.watchdog_interval() == std::chrono::seconds(15));
  }
  SECTION("for another process") {
    ::setenv("WATCHDOG_PID", "1", 1);
    const Notify notify;
    CHECK_FALSE(notify.watchdog_interval());
  }
  CHECK(std::getenv("WATCHDOG_USEC") == nullptr);
  CHECK(std::getenv("WATCHDOG_PID") == nullptr);
}

TEST_CASE("sockets that are passed are taken") {
  const int one = listening_socket();
  const int two = listening_socket();
  CHECK(with_listen_fds({one, two}, [] {
          const Notify notify;
          if (std::getenv("LISTEN_FDS") != nullptr || std::getenv("LISTEN_PID") != nullptr)
            return 1;
          const auto fds = notify.listen_fds();
          if (!fds || *fds != std::vector<int>{3, 4}) return 2;
          for (const int fd : *fds) {
            if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) return 3;
            if ((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0) return 4;
          }
          return 0;
        }) == 0);
  ::close(one);
  ::close(two);
}

TEST_CASE("a passed descriptor of another kind is an error that names it") {
  const int good = listening_socket();
  const int bad = GENERATE(0, 1, 2) == 0  ? listening_socket(SOCK_DGRAM)
                  : GENERATE(false, true) ? ::open("/dev/null", O_RDONLY | O_CLOEXEC)
                                          : ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(with_listen_fds({good, bad}, [] {
          const Notify notify;
          const auto fds = notify.listen_fds();
          return !fds && fds.error() ==
                             "file descriptor 4, which was passed for listening, is not a Unix "
                             "stream socket that listens"
                     ? 0
                     : 1;
        }) == 0);
  ::close(good);
  ::close(bad);
}
