// The library's connections: deadlines, restarts, pooling, many threads, fork.
#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/library/client_fixture.hpp"
#include "tests/library/processes.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

namespace {

void wait_until_open(const Daemon& daemon, int connections) {
  const auto deadline = steady_clock::now() + kSoon;
  while (daemon.open() != connections && steady_clock::now() < deadline) std::this_thread::yield();
  CHECK(daemon.open() == connections);
}

}  // namespace

TEST_CASE("where nothing listens, the connection is refused") {
  TempDir dir;
  CHECK(check(OpenClient(dir.socket()).limit()).rc == -ECONNREFUSED);
  CHECK(check(OpenClient(dir.socket() + "/below/nothing").limit()).rc == -ECONNREFUSED);
  std::ofstream(dir.socket()) << "a file, not a socket";
  const Outcome outcome = check(OpenClient(dir.socket()).limit());
  CHECK(outcome.rc == -ECONNREFUSED);
  CHECK(outcome.text == "cannot connect to " + dir.socket() + ": Connection refused");
}

TEST_CASE("a daemon that does not answer is given up in time, and its late answer is nobody's") {
  TempDir dir;
  Event gave_up;
  Daemon daemon(dir.socket(), [&](Peer& peer) {
    peer.request();
    if (peer.number() == 1) {
      gave_up.wait();
      peer.send(denied());
    } else {
      peer.send(allowed());
    }
    peer.wait_for_end();
  });
  OpenClient client(dir.socket(), 50);
  const auto start = steady_clock::now();
  const Outcome outcome = check(client.limit());
  CHECK(outcome.rc == -ETIMEDOUT);
  CHECK(since(start) >= milliseconds(50));
  CHECK(since(start) < kSoon);
  gave_up.happen();
  OpenClient patient(dir.socket());
  CHECK(check(patient.limit()).decision.allowed == 1);
}

TEST_CASE("half an answer is waited for until the deadline only") {
  TempDir dir;
  Daemon daemon(dir.socket(), [](Peer& peer) {
    peer.request();
    peer.send("*6\r\n:1\r\n:10");
    peer.wait_for_end();
  });
  CHECK(check(OpenClient(dir.socket(), 50).limit()).rc == -ETIMEDOUT);
}

TEST_CASE("a daemon that does not accept is given up in time, and asked when it does") {
  TempDir dir;
  Listener listener(dir.socket(), 0);
  OpenClient filler(dir.socket(), 30);  // fills the backlog of one
  CHECK(check(filler.limit(), "filler").rc == -ETIMEDOUT);
  OpenClient impatient(dir.socket(), 30);
  const auto start = steady_clock::now();
  const Outcome refused = check(impatient.limit());
  CHECK(refused.rc == -ETIMEDOUT);
  CHECK(refused.text.find("cannot connect") == 0);
  CHECK(since(start) >= milliseconds(30));

  OpenClient patient(dir.socket());
  Outcome outcome;
  std::thread asking([&] { outcome = check(patient.limit()); });
  // One connection after the other, until the one that asks.
  for (bool answered = false; !answered;) {
    Peer peer(listener.accept(), 0);
    answered = peer.request().size() == 2;
    if (!answered) continue;
    peer.send(allowed());
    asking.join();
  }
  CHECK(outcome.rc == 0);
}

TEST_CASE("hanging up in the middle of an answer is an error") {
  TempDir dir;
  Daemon daemon(dir.socket(), [](Peer& peer) {
    peer.request();
    peer.send("*6\r\n:1\r\n");
  });
  const Outcome outcome = check(OpenClient(dir.socket()).limit());
  CHECK(outcome.rc == -ECONNRESET);
  CHECK(outcome.text == "the daemon at " + dir.socket() + " hung up");
  CHECK(daemon.connections() == 1);
}

TEST_CASE("hanging up before an answer is tried once more, not for ever") {
  TempDir dir;
  Daemon daemon(dir.socket(), [](Peer& peer) { peer.request(); });
  CHECK(check(OpenClient(dir.socket()).limit()).rc == -ECONNRESET);
  CHECK(daemon.connections() == 2);
}

TEST_CASE("a restart of the daemon is not noticed, and raises no signal") {
  std::signal(SIGPIPE, SIG_DFL);
  TempDir dir;
  Script script({allowed()});
  std::optional<Daemon> daemon(std::in_place, dir.socket(), script.serve());
  OpenClient client(dir.socket());
  for (int i = 0; i < 5; ++i) {
    CHECK(check(client.limit()).rc == 0);
    daemon.reset();
    daemon.emplace(dir.socket(), script.serve());
  }
  CHECK(check(client.limit()).rc == 0);
  CHECK(script.requests().size() == 6);
  daemon.reset();
  CHECK(check(client.limit()).rc == -ECONNREFUSED);
}

TEST_CASE("a daemon that refuses a connection with a word and hangs up is heard") {
  TempDir dir;
  Daemon daemon(dir.socket(),
                [](Peer& peer) { peer.send("-ERR max number of clients reached\r\n"); });
  OpenClient client(dir.socket());
  for (int i = 0; i < 20; ++i) CHECK(check(client.limit()).rc == -EUSERS);
}

TEST_CASE("calls one after the other share a connection; at the same time, each has its own") {
  constexpr int kThreads = 16;
  constexpr int kCalls = 200;
  TempDir dir;
  // `remaining` tells the caller's key back, so that a mixed up answer is seen.
  Daemon daemon(dir.socket(), [](Peer& peer) {
    for (Words words = peer.request(); !words.empty(); words = peer.request()) {
      peer.send(decision(true, 100, std::stoll(words.at(2)), 0, 412, 0));
    }
  });
  OpenClient client(dir.socket(), 20'000, 4);
  for (int i = 0; i < 10; ++i) CHECK(check(client.limit(), "1").rc == 0);
  CHECK(daemon.connections() == 1);

  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        const int number = t * kCalls + i;
        const Outcome outcome = check(client.limit(), std::to_string(number));
        if (outcome.rc == 0 && outcome.decision.remaining == number) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == kThreads * kCalls);
}

TEST_CASE("no more connections than max_idle are kept between calls") {
  constexpr int kThreads = 6;
  TempDir dir;
  Event all_asked;
  Daemon daemon(dir.socket(), [&](Peer& peer) {
    while (!peer.request().empty()) {
      all_asked.happen();
      all_asked.wait(kThreads);  // so that none is answered before all have a connection
      peer.send(allowed());
    }
  });
  OpenClient client(dir.socket(), 20'000, 2);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back([&] { check(client.limit()); });
  for (std::thread& thread : threads) thread.join();
  CHECK(daemon.connections() == kThreads);
  wait_until_open(daemon, 2);
  for (int i = 0; i < 10; ++i) CHECK(check(client.limit()).rc == 0);
  CHECK(daemon.connections() == kThreads);
}

TEST_CASE("every descriptor is close-on-exec, and close gives all of them back") {
  TempDir dir;
  Script script({allowed()});
  std::set<int> during;
  const std::set<int> before = descriptors();
  {
    // A listener alone, and a served connection by hand: the fake daemon's own would be counted.
    Listener listener(dir.socket());
    const std::set<int> without_client = descriptors();
    {
      OpenClient client(dir.socket());
      Outcome outcome;
      std::thread asking([&] { outcome = check(client.limit()); });
      Peer peer(listener.accept(), 1);
      peer.request();
      peer.send(allowed());
      asking.join();
      CHECK(outcome.rc == 0);
      during = descriptors();
      for (const int fd : without_client) during.erase(fd);
      CHECK(during.size() == 3);  // the client's two sockets, and the peer's
      for (const int fd : during) {
        CAPTURE(fd);
        CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
      }
    }
    CHECK(descriptors() == without_client);
  }
  CHECK(descriptors() == before);
}

TEST_CASE("a child has connections of its own, and leaves the parent's alone") {
  TempDir dir;
  Daemon daemon(dir.socket(), numbering());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit();
  REQUIRE(check(limit).decision.remaining == 1);
  CHECK(in_child([&] { return static_cast<int>(check(limit).decision.remaining); }) == 2);
  CHECK(check(limit).decision.remaining == 1);
  // A grandchild of a child that has not asked yet, and of one that has.
  CHECK(in_child([&] {
          return in_child([&] { return static_cast<int>(check(limit).decision.remaining); });
        }) == 3);
  CHECK(in_child([&] {
          const auto mine = check(limit).decision.remaining;
          const int its =
              in_child([&] { return static_cast<int>(check(limit).decision.remaining); });
          return mine == 4 && its == 5 && check(limit).decision.remaining == 4 ? 0 : 1;
        }) == 0);
  CHECK(in_child([&] {
          rategate_close(client.get());
          return 0;
        }) == 0);
  CHECK(check(limit).decision.remaining == 1);
}

TEST_CASE("a child lets go of the parent's sockets as soon as it asks") {
  TempDir dir;
  Daemon daemon(dir.socket(), always(allowed()));
  std::optional<OpenClient> client(std::in_place, dir.socket());
  REQUIRE(check(client->limit()).rc == 0);
  int pipe_fds[2];
  REQUIRE(pipe2(pipe_fds, O_CLOEXEC) == 0);
  const pid_t child = fork();
  if (child == 0) {
    close(pipe_fds[1]);
    if (check(client->limit()).rc != 0) _exit(1);
    char byte = 0;
    _exit(read(pipe_fds[0], &byte, 1) == 0 ? 0 : 2);  // until the parent is done
  }
  close(pipe_fds[0]);
  wait_until_open(daemon, 2);
  client.reset();
  // The daemon sees the parent's connection end, although the child lives on.
  wait_until_open(daemon, 1);
  close(pipe_fds[1]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("a child that closed all it does not know keeps what it has opened since") {
  TempDir dir;
  Daemon daemon(dir.socket(), numbering());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit();
  REQUIRE(check(limit).decision.remaining == 1);
  CHECK(in_child([&] {
          const OwnDescriptors own;
          const bool asked = check(limit).decision.remaining == 2;
          rategate_cancel(client.get());
          const bool cancelled = acquire(limit, -1).rc == -ECANCELED;
          rategate_close(client.get());
          return asked && cancelled && own.untouched() ? 0 : 1;
        }) == 0);
  CHECK(in_child([&] {
          const OwnDescriptors own;
          rategate_cancel(client.get());
          rategate_close(client.get());
          return own.untouched() ? 0 : 1;
        }) == 0);
  CHECK(check(limit).decision.remaining == 1);
}

TEST_CASE("a program without standard descriptors does not print to the daemon") {
  TempDir dir;
  Daemon daemon(dir.socket(), always(allowed()));
  CHECK(in_child([&] {
          close_range(0, ~0U, 0);
          const OpenClient client(dir.socket());
          const bool asked = check(client.limit()).rc == 0;
          for (int fd = 0; fd <= 2; ++fd) {
            if (fcntl(fd, F_GETFD) >= 0) return 1;
          }
          return asked ? 0 : 2;
        }) == 0);
}

TEST_CASE("who closes the library's own descriptors gets another connection, or is told") {
  TempDir dir;
  Daemon daemon(dir.socket(), numbering());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit();
  CHECK(in_child([&] {
          const bool before = check(limit).decision.remaining == 1;
          const OwnDescriptors own;
          const bool after = check(limit).decision.remaining == 2;
          rategate_cancel(client.get());
          const bool told = acquire(limit, 0).rc == -EBADF;
          rategate_close(client.get());
          return before && after && told && own.untouched() ? 0 : 1;
        }) == 0);
}
