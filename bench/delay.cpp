// A proxy that holds every byte back, so that a store is as far away as one says:
//
//   delay LISTEN_SOCKET TARGET_SOCKET ROUND_TRIP_US
//
// Both are Unix sockets. Half of the round trip is added on each way; order is kept, and the rate
// is not limited. Ends when its standard input does.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <list>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) die("path too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

struct Held {
  Clock::time_point due;
  std::string bytes;
};

// One direction of one connection.
struct Way {
  int from;
  int to;
  std::deque<Held> held;
};

struct Pair {
  Way there;
  Way back;
};

// Whether the connection lives.
bool take(Way& way, Clock::duration delay) {
  char buffer[65536];
  const ssize_t n = read(way.from, buffer, sizeof buffer);
  if (n <= 0) return false;
  way.held.push_back({Clock::now() + delay, std::string(buffer, static_cast<std::size_t>(n))});
  return true;
}

bool pass_on(Way& way) {
  while (!way.held.empty() && way.held.front().due <= Clock::now()) {
    const std::string bytes = std::move(way.held.front().bytes);
    way.held.pop_front();
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t n = send(way.to, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n <= 0) return false;
      at += static_cast<std::size_t>(n);
    }
  }
  return true;
}

Clock::duration until_next(const std::list<Pair>& pairs) {
  Clock::duration left = std::chrono::seconds(1);
  const auto now = Clock::now();
  for (const Pair& pair : pairs) {
    for (const Way* way : {&pair.there, &pair.back}) {
      if (!way->held.empty()) left = std::min(left, way->held.front().due - now);
    }
  }
  return std::max(left, Clock::duration::zero());
}

Pair connect_through(int client, const sockaddr_un& target) {
  const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(server, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) {
    die("connect");
  }
  return {{client, server, {}}, {server, client, {}}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s LISTEN_SOCKET TARGET_SOCKET ROUND_TRIP_US\n", argv[0]);
    return 2;
  }
  const sockaddr_un own = address_of(argv[1]);
  const sockaddr_un target = address_of(argv[2]);
  const auto delay = std::chrono::nanoseconds(std::atoll(argv[3]) * 500);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) die("bind");
  if (listen(listener, 64) != 0) die("listen");
  std::list<Pair> pairs;
  for (;;) {
    std::vector<pollfd> fds{{STDIN_FILENO, POLLIN, 0}, {listener, POLLIN, 0}};
    for (const Pair& pair : pairs) {
      fds.push_back({pair.there.from, POLLIN, 0});
      fds.push_back({pair.back.from, POLLIN, 0});
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::nanoseconds>(until_next(pairs)).count();
    const timespec timeout{left / 1000000000, left % 1000000000};
    if (ppoll(fds.data(), fds.size(), &timeout, nullptr) < 0) die("ppoll");
    if (fds[0].revents != 0) return 0;
    std::size_t at = 2;
    for (auto pair = pairs.begin(); pair != pairs.end(); at += 2) {
      const bool lives = (fds[at].revents == 0 || take(pair->there, delay)) &&
                         (fds[at + 1].revents == 0 || take(pair->back, delay)) &&
                         pass_on(pair->there) && pass_on(pair->back);
      if (lives) {
        ++pair;
        continue;
      }
      close(pair->there.from);
      close(pair->there.to);
      pair = pairs.erase(pair);
    }
    if (fds[1].revents != 0)
      pairs.push_back(connect_through(accept(listener, nullptr, nullptr), target));
  }
}
