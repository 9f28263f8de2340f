// One load generator for everything that speaks RESP, so that all are counted by the same client:
// N connections with P requests under way on each, as fast as the answers come; or, with --rate, on
// a schedule that does not wait for answers, each latency from the moment at which its request was
// to be sent (so that a stall of the server is in the latency of all that it held up).
//
// Prints one line of JSON. Exits with 1 when a connection is lost; error replies are counted.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/cpu_time.hpp"
#include "bench/histogram.h"
#include "bench/load_options.hpp"
#include "bench/requests.hpp"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "load: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int connect_to(const std::string& target) {
  const bool tcp = target.find('/') == std::string::npos;
  const int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int result = -1;
  if (tcp) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(target)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    result = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (target.size() >= sizeof address.sun_path) die(target + " is too long");
    std::memcpy(address.sun_path, target.data(), target.size());
    result = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  if (fd < 0 || result != 0) die(target);
  if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) die("fcntl");
  return fd;
}

// Requests that were sent together.
struct Sent {
  Clock::time_point due;     // when they were to be sent
  std::int64_t sent_ms = 0;  // wall clock
  int left = 1;              // of them not answered
};

struct Connection {
  int fd;
  ReplyCounter replies;
  std::string unsent;
  std::deque<Sent> waiting;
  bool wants_write = false;
};

// What was allowed in windows of the wall clock, which is Redis' own here. A decision is made
// between its sending and its answer: where both lie in one window, it was surely that one.
struct Window {
  std::uint64_t surely = 0;
  std::uint64_t answered = 0;
};

class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options),
        requests_(options.command, options.keys, options.each_key_in_turn),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        latency_(std::make_unique<bench_histogram>()) {
    for (int i = 0; i < options.depth; ++i) batch_ += requests_.next();
    for (int i = 0; i < options.clients; ++i) {
      const std::string& target =
          options.targets[static_cast<std::size_t>(i) % options.targets.size()];
      connections_.push_back(std::make_unique<Connection>(
          Connection{connect_to(target), ReplyCounter(options.verdict), {}, {}, false}));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = connections_.back().get();
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_.back()->fd, &event) != 0) die("epoll_ctl");
    }
  }

  void run() {
    while (options_.start_with_window && wall_ms() % options_.window_ms > 20) usleep(1000);
    std::vector<double> cpu;
    for (const int pid : options_.pids) cpu.push_back(cpu_seconds(pid));
    begin_ = Clock::now();
    end_ = begin_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(options_.seconds));
    if (options_.rate <= 0) {
      for (auto& connection : connections_) top_up(*connection, Clock::now());
    }
    while (!finished()) {
      if (options_.rate > 0) send_what_is_due();
      wait_for_answers();
    }
    took_ = std::chrono::duration<double>(Clock::now() - begin_).count();
    for (std::size_t i = 0; i < cpu.size(); ++i) {
      cpu_.push_back(cpu_seconds(options_.pids[i]) - cpu[i]);
    }
  }

  void print() const {
    std::printf("{\"requests\": %llu, \"allowed\": %llu, \"errors\": %llu, \"seconds\": %.6f, ",
                static_cast<unsigned long long>(counts_.replies),
                static_cast<unsigned long long>(counts_.allowed),
                static_cast<unsigned long long>(counts_.errors), took_);
    bench_print_histogram(latency_.get(), 1000);
    std::printf(", \"cpu_seconds\": [");
    for (std::size_t i = 0; i < cpu_.size(); ++i)
      std::printf("%s%.6f", i == 0 ? "" : ", ", cpu_[i]);
    std::printf("], \"windows\": [");
    const char* comma = "";
    for (const auto& [start, window] : windows_) {
      std::printf("%s[%lld, %llu, %llu]", comma, static_cast<long long>(start),
                  static_cast<unsigned long long>(window.surely),
                  static_cast<unsigned long long>(window.answered));
      comma = ", ";
    }
    std::printf("]}\n");
  }

 private:
  [[nodiscard]] bool enough_sent(Clock::time_point now) const {
    return options_.requests > 0 ? sent_ >= options_.requests : now >= end_;
  }
  [[nodiscard]] bool finished() const {
    return counts_.replies == sent_ && enough_sent(Clock::now());
  }

  void ask(Connection& connection, Clock::time_point due, std::int64_t sent_ms, int count) {
    if (requests_.uniform() && count == options_.depth) {
      connection.unsent += batch_;
    } else {
      for (int i = 0; i < count; ++i) connection.unsent += requests_.next();
    }
    connection.waiting.push_back({due, sent_ms, count});
    sent_ += static_cast<std::uint64_t>(count);
  }

  // Like redis-benchmark: once all of a batch is answered, the next one.
  void top_up(Connection& connection, Clock::time_point now) {
    const std::int64_t sent_ms = options_.window_ms > 0 ? wall_ms() : 0;
    if (enough_sent(now)) return;
    int count = options_.depth;
    if (options_.requests > 0 && options_.requests - sent_ < static_cast<std::uint64_t>(count)) {
      count = static_cast<int>(options_.requests - sent_);
    }
    ask(connection, now, sent_ms, count);
    flush(connection);
  }

  void send_what_is_due() {
    const auto now = Clock::now();
    const std::int64_t sent_ms = options_.window_ms > 0 ? wall_ms() : 0;
    while (!enough_sent(next_due())) {
      const auto due = next_due();
      if (due > now) break;
      Connection& connection = *connections_[sent_ % connections_.size()];
      ask(connection, due, sent_ms, 1);
      flush(connection);
    }
  }

  [[nodiscard]] Clock::time_point next_due() const {
    return begin_ + std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(sent_) *
                                                                       1e9 / options_.rate));
  }

  void flush(Connection& connection) {
    std::string& unsent = connection.unsent;
    if (!unsent.empty()) {
      const ssize_t n = send(connection.fd, unsent.data(), unsent.size(), MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN) die("send");
      if (n > 0) unsent.erase(0, static_cast<std::size_t>(n));
    }
    if (connection.wants_write == !unsent.empty()) return;
    connection.wants_write = !unsent.empty();
    epoll_event event{};
    event.events = connection.wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.ptr = &connection;
    if (epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event) != 0) die("epoll_ctl");
  }

  // With a schedule it does not sleep past the next moment on it.
  void wait_for_answers() {
    timespec timeout{1, 0};
    if (options_.rate > 0 && !enough_sent(next_due())) {
      const auto left =
          std::chrono::duration_cast<std::chrono::nanoseconds>(next_due() - Clock::now()).count();
      timeout = {0, left > 0 ? static_cast<long>(left < 999999999 ? left : 999999999) : 0};
    }
    epoll_event events[64];
    const int count = epoll_pwait2(epoll_, events, 64, &timeout, nullptr);
    if (count < 0 && errno != EINTR) die("epoll_pwait2");
    for (int i = 0; i < count; ++i) {
      Connection& connection = *static_cast<Connection*>(events[i].data.ptr);
      if ((events[i].events & EPOLLOUT) != 0) flush(connection);
      if ((events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read_from(connection);
    }
  }

  void read_from(Connection& connection) {
    const ssize_t n = recv(connection.fd, buffer_, sizeof buffer_, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) die("connection lost");
    const auto now = Clock::now();
    const std::int64_t answered_ms = options_.window_ms > 0 ? wall_ms() : 0;
    connection.replies.feed({buffer_, static_cast<std::size_t>(n)}, counts_, [&](bool allowed) {
      Sent& sent = connection.waiting.front();
      const auto latency = std::chrono::duration_cast<std::chrono::nanoseconds>(now - sent.due);
      bench_record(latency_.get(), static_cast<std::uint64_t>(latency.count()));
      if (allowed && options_.window_ms > 0) count_in_window(sent.sent_ms, answered_ms);
      if (--sent.left == 0) connection.waiting.pop_front();
    });
    if (options_.rate <= 0 && connection.waiting.empty()) top_up(connection, now);
  }

  void count_in_window(std::int64_t sent_ms, std::int64_t answered_ms) {
    const std::int64_t start = answered_ms / options_.window_ms * options_.window_ms;
    Window& window = windows_[start];
    ++window.answered;
    window.surely += sent_ms >= start;
  }

  LoadOptions options_;
  Requests requests_;
  std::string batch_;  // for where all requests are the same
  int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::unique_ptr<bench_histogram> latency_;
  std::map<std::int64_t, Window> windows_;
  Counts counts_;
  std::uint64_t sent_ = 0;
  Clock::time_point begin_, end_;
  double took_ = 0;
  std::vector<double> cpu_;
  char buffer_[256 * 1024]{};
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const auto options = bench::parse_load_options(argc, argv);
  if (!options) return 2;
  const auto load = std::make_unique<bench::Load>(*options);
  load->run();
  load->print();
  return 0;
}
