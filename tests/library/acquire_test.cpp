// rategate_acquire and rategate_cancel: how long it waits, and what ends the wait.
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/library/client_fixture.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

TEST_CASE("a denial is waited out, and asked about again not before retry-after") {
  TempDir dir;
  Script script({denied(40), decision(true, 100, 98, 0, 900, 0)});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const auto start = steady_clock::now();
  const Outcome outcome = acquire(client.limit(), -1);
  CHECK(outcome.rc == 0);
  CHECK(outcome.decision.allowed == 1);
  CHECK(outcome.decision.remaining == 98);
  CHECK(since(start) >= milliseconds(40));
  CHECK(since(start) < kSoon);
  CHECK(script.requests().size() == 2);
  CHECK(daemon.connections() == 1);
}

TEST_CASE("what is allowed at once does not wait") {
  TempDir dir;
  Daemon daemon(dir.socket(), always(allowed()));
  OpenClient client(dir.socket());
  CHECK(acquire(client.limit(), 0).rc == 0);
}

TEST_CASE("those who were denied together do not come back as one") {
  constexpr int kCallers = 24;
  TempDir dir;
  std::mutex mutex;
  std::set<std::string> seen;
  std::vector<steady_clock::time_point> came_back;
  Daemon daemon(dir.socket(), [&](Peer& peer) {
    for (Words words = peer.request(); !words.empty(); words = peer.request()) {
      bool again = false;
      {
        const std::lock_guard lock(mutex);
        again = !seen.insert(words.at(2)).second;
        if (again) came_back.push_back(steady_clock::now());
      }
      peer.send(again ? allowed() : denied(10));
    }
  });
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit("api", 100, 60'000);
  std::vector<std::thread> threads;
  for (int i = 0; i < kCallers; ++i) {
    threads.emplace_back([&, key = std::to_string(i)] { acquire(limit, -1, 1, key); });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(came_back.size() == kCallers);
  const auto [first, last] = std::minmax_element(came_back.begin(), came_back.end());
  // Over 100 ms, evenly: that 24 of them fall into 30 ms has a chance of 10^-11.
  CHECK(*last - *first > milliseconds(30));
}

TEST_CASE("the jitter is a tenth of a short period, not 100 ms") {
  constexpr int kRounds = 40;
  TempDir dir;
  std::vector<std::string> answers;
  for (int i = 0; i < kRounds; ++i) {
    answers.push_back(denied(1));
    answers.push_back(allowed());
  }
  Script script(answers);
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit("api", 1, 10);
  const auto start = steady_clock::now();
  for (int i = 0; i < kRounds; ++i) REQUIRE(acquire(limit, -1).rc == 0);
  CHECK(since(start) < milliseconds(kRounds * 25));  // 50 each, were it up to 100
}

TEST_CASE("the deadline ends the wait, not before it has come") {
  TempDir dir;
  Script script({denied(10'000)});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  rategate_decision decision;
  std::memset(&decision, 0x5a, sizeof decision);
  const rategate_decision before = decision;
  rategate_error error{};
  const auto start = steady_clock::now();
  CHECK(rategate_acquire(client.limit(), nullptr, 0, 1, 60, &decision, &error) == -ETIMEDOUT);
  CHECK(since(start) >= milliseconds(60));
  CHECK(since(start) < milliseconds(9000));
  CHECK(std::memcmp(&decision, &before, sizeof decision) == 0);
  CHECK(std::string(error.text) == "no permit in 60 ms");
  CHECK(script.requests().size() == 1);
  CHECK(acquire(client.limit(), 0).rc == -ETIMEDOUT);
  CHECK(script.requests().size() == 2);
}

TEST_CASE("a daemon that says to retry at once does not make it spin") {
  TempDir dir;
  Script script({denied(0)});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  CHECK(acquire(client.limit(), 50).rc == -ETIMEDOUT);
  CHECK(script.requests().size() <= 51);
}

TEST_CASE("a cost that can never fit is not waited for") {
  TempDir dir;
  Daemon daemon(dir.socket(), always(decision(false, 5, 5, -1, 400, 3)));
  OpenClient client(dir.socket());
  const Outcome outcome = acquire(client.limit(), -1, 6);
  CHECK(outcome.rc == -ERANGE);
  CHECK(outcome.text == "a cost of 6 never fits, with a limit of 5");
}

TEST_CASE("cancel ends those who sleep and those who wait for an answer, and stays") {
  TempDir dir;
  Event asked;
  Daemon daemon(dir.socket(), [&](Peer& peer) {
    for (Words words = peer.request(); !words.empty(); words = peer.request()) {
      if (words.at(1) == "slow") peer.send(denied(3'600'000));
      asked.happen();  // and to "silent", nothing is answered
    }
  });
  OpenClient client(dir.socket(), 3'600'000);
  std::vector<Outcome> outcomes(6);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    threads.emplace_back(
        [&, i] { outcomes[i] = acquire(client.limit(i % 2 == 0 ? "slow" : "silent"), -1); });
  }
  REQUIRE(asked.wait(static_cast<int>(outcomes.size())));
  rategate_cancel(client.get());
  for (std::thread& thread : threads) thread.join();
  for (const Outcome& outcome : outcomes) CHECK(outcome.rc == -ECANCELED);
  CHECK(acquire(client.limit("slow"), -1).rc == -ECANCELED);
  CHECK(check(client.limit("slow")).rc == 0);  // is no wait
}

TEST_CASE("cancel does not cross a fork, either way") {
  TempDir dir;
  Script script({denied(10)});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit();
  REQUIRE(acquire(limit, 0).rc == -ETIMEDOUT);
  const auto child = [&](bool cancel) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (cancel) rategate_cancel(client.get());
      _exit(-acquire(limit, 30).rc);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  CHECK(child(true) == ECANCELED);
  CHECK(acquire(limit, 30).rc == -ETIMEDOUT);
  CHECK(child(false) == ETIMEDOUT);
  rategate_cancel(client.get());
  CHECK(acquire(limit, -1).rc == -ECANCELED);
  CHECK(child(false) == ECANCELED);  // what the parent had at fork
}

TEST_CASE("an error that is the first thing heard is returned at once") {
  TempDir dir;
  CHECK(acquire(OpenClient(dir.socket()).limit(), -1).rc == -ECONNREFUSED);
  Daemon daemon(dir.socket(), always("-NOLIMIT no limit named 'api'\r\n"));
  CHECK(acquire(OpenClient(dir.socket()).limit(), -1).rc == -ENOENT);
}

TEST_CASE("a restart of the daemon, and a store that is away, are waited out") {
  TempDir dir;
  Script before({denied(1)});
  Script after(
      {"-SHUTDOWN the daemon is stopping\r\n", "-STOREDOWN the store is away\r\n", allowed()});
  std::optional<Daemon> daemon(std::in_place, dir.socket(), before.serve());
  OpenClient client(dir.socket());
  Outcome outcome;
  std::thread waiting([&] { outcome = acquire(client.limit(), -1); });
  CHECK(before.asked.wait());
  daemon.reset();
  daemon.emplace(dir.socket(), after.serve());
  waiting.join();
  CHECK(outcome.rc == 0);
  CHECK(outcome.text.empty());  // what was waited out is no failure of the call
  CHECK(after.requests().size() == 3);
}

TEST_CASE("a daemon that does not come back is an error in the end") {
  TempDir dir;
  Script script({denied(1)});
  std::optional<Daemon> daemon(std::in_place, dir.socket(), script.serve());
  OpenClient client(dir.socket(), 200);
  Outcome outcome;
  std::thread waiting([&] { outcome = acquire(client.limit(), -1); });
  CHECK(script.asked.wait());
  const auto start = steady_clock::now();
  daemon.reset();
  waiting.join();
  CHECK(outcome.rc == -ECONNREFUSED);
  CHECK(since(start) < kSoon);
}

TEST_CASE("a daemon that does not answer is told apart from the caller's own deadline") {
  TempDir dir;
  Listener silent(dir.socket(), 0);
  OpenClient client(dir.socket(), 200);
  const auto start = steady_clock::now();
  CHECK(acquire(client.limit(), 10).rc == -ETIMEDOUT);
  CHECK(since(start) >= milliseconds(210));  // its own time, and that of a call for the answer
  CHECK(since(start) < milliseconds(15'000));
  rategate_limit* limit = client.limit();
  // The backlog has room for one, so that whoever comes now cannot connect.
  std::thread filler([&] { acquire(limit, 2000); });
  Outcome outcome;
  while (outcome.rc != -EHOSTDOWN && since(start) < kSoon) outcome = acquire(limit, 1000);
  CHECK(outcome.rc == -EHOSTDOWN);
  filler.join();
}
