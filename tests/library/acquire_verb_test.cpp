// rategate_acquire by ACQUIRE: what it asks of the daemon, and what it does about the answers.
#include <sys/wait.h>

#include <cerrno>
#include <optional>
#include <string>
#include <thread>

#include "tests/library/client_fixture.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

namespace {

const std::string kUnknown =
    "-ERR unknown command 'ACQUIRE', with args beginning with: 'api' 'TIMEOUT' '9000' \r\n";

std::string map_of(int allowed, int retry_after_ms, int receipt) {
  std::string bytes = "*14\r\n";
  const auto put = [&](const std::string& name, int value) {
    bytes += "$" + std::to_string(name.size()) + "\r\n" + name + "\r\n:" + std::to_string(value) +
             "\r\n";
  };
  put("allowed", allowed);
  put("limit", 100);
  put("remaining", 1);
  put("retry_after_ms", retry_after_ms);
  put("reset_after_ms", 400);
  put("reason", allowed == 1 ? 0 : 1);
  put("receipt", receipt);
  return bytes;
}

}  // namespace

TEST_CASE("the daemon is asked once, to wait for as long as the call has time") {
  TempDir dir;
  Script script({allowed()});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  CHECK(acquire(client.limit(), 9000, 3, "alice").rc == 0);
  CHECK(acquire(client.limit("declared", 5, 1000), 86'400'000).rc == 0);
  CHECK(acquire(client.limit(), -1).rc == 0);
  CHECK(acquire(client.limit(), 0).rc == 0);
  const auto requests = script.requests();
  REQUIRE(requests.size() == 4);
  Words first = requests[0];
  REQUIRE(first.size() == 7);
  const int asked_ms = std::stoi(first[6]);
  CHECK(asked_ms <= 9000);
  CHECK(asked_ms > 9000 - milliseconds(kSoon).count());
  first.pop_back();
  CHECK(first == Words{"ACQUIRE", "api", "alice", "COST", "3", "TIMEOUT"});
  CHECK(requests[1] ==
        Words{"ACQUIRE", "declared", "TIMEOUT", "3600000", "LIMIT", "5", "PERIOD", "1000ms"});
  CHECK(requests[2] == Words{"ACQUIRE", "api", "TIMEOUT", "60000"});
  CHECK(requests[3] == Words{"CHECK", "api"});  // there is nothing to wait for
}

TEST_CASE("with receipts what was waited for has one, too") {
  TempDir dir;
  Script script({map_of(0, 1, 0), map_of(1, 0, 1700)});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket(), 20'000, 0, RATEGATE_NO_SHM | RATEGATE_RECEIPTS);
  const Outcome outcome = acquire(client.limit(), -1);
  CHECK(outcome.rc == 0);
  CHECK(outcome.decision.window_end_ms == 1700);
  CHECK(script.requests().at(0) == Words{"ACQUIREX", "api", "TIMEOUT", "60000"});
}

namespace {

// The answer of rategate_acquirex, whose integers are found by name.
class Told {
 public:
  Told(rategate_limit* limit, std::int64_t timeout_ms) {
    rc = rategate_acquirex(limit, nullptr, 0, 1, timeout_ms, &reply_, nullptr);
  }
  ~Told() { rategate_reply_free(reply_); }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;

  bool is_there() const { return reply_ != nullptr; }
  std::int64_t number(const std::string& name) const {
    for (std::size_t i = 0; i + 1 < reply_->size; i += 2) {
      if (name == reply_->items[i].text) return reply_->items[i + 1].integer;
    }
    return -99;
  }
  int rc = 0;

 private:
  rategate_reply* reply_ = nullptr;
};

}  // namespace

TEST_CASE("all of the answer is told, of a denial at the end of the time as well") {
  TempDir dir;
  Script script({map_of(0, 1, 0), map_of(1, 0, 1700)});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const Told yes(client.limit(), -1);
  CHECK(yes.rc == 0);
  CHECK(yes.number("allowed") == 1);
  CHECK(yes.number("receipt") == 1700);
  const auto requests = script.requests();
  CHECK(requests.at(0) == Words{"ACQUIREX", "api", "TIMEOUT", "60000"});
  CHECK(requests.at(1) == requests.at(0));

  TempDir other;
  Script no({map_of(0, 5000, 0)});
  Daemon denies(other.socket(), no.serve());
  OpenClient denied(other.socket());
  const Told told(denied.limit(), 20);
  CHECK(told.rc == 0);
  CHECK(told.number("allowed") == 0);
  CHECK(told.number("retry_after_ms") == 5000);
}

TEST_CASE("who never fits is told at once, and a call that fails tells nothing") {
  TempDir dir;
  Script script({map_of(0, -1, 0)});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const Told never(client.limit(), -1);
  CHECK(never.rc == 0);
  CHECK(never.number("retry_after_ms") == -1);
  CHECK(rategate_acquirex(client.limit(), nullptr, 0, 1, 0, nullptr, nullptr) == -EINVAL);
  rategate_cancel(client.get());
  const Told cancelled(client.limit(), -1);
  CHECK(cancelled.rc == -ECANCELED);
  CHECK_FALSE(cancelled.is_there());
}

TEST_CASE("who was answered by no decision until the time was over is told why") {
  TempDir dir;
  Script script({"-BUSY too many wait for limit 'api' (max_parked, max_parked_per_key)\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const Told busy(client.limit(), 20);
  CHECK(busy.rc == -EBUSY);
  CHECK_FALSE(busy.is_there());
  CHECK(acquire(client.limit(), 20).rc == -ETIMEDOUT);
}

TEST_CASE("a daemon that has no ACQUIRE is asked by CHECK until there is a permit") {
  TempDir dir;
  Script script({kUnknown, denied(30), allowed()});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const auto start = steady_clock::now();
  const Outcome outcome = acquire(client.limit(), -1);
  CHECK(outcome.rc == 0);
  CHECK(outcome.text.empty());
  CHECK(since(start) >= milliseconds(30));
  const auto requests = script.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[1] == Words{"CHECK", "api"});
  CHECK(requests[2] == Words{"CHECK", "api"});
  CHECK(daemon.connections() == 1);
}

TEST_CASE("such a daemon that then hangs is told apart from the caller's own deadline") {
  TempDir dir;
  Daemon daemon(dir.socket(), [](Peer& peer) {
    for (Words words = peer.request(); !words.empty(); words = peer.request()) {
      if (words.at(0) == "ACQUIRE") peer.send(kUnknown);
    }
  });
  OpenClient client(dir.socket(), 40);
  CHECK(acquire(client.limit(), -1).rc == -EHOSTDOWN);
}

TEST_CASE("the daemon may take its own time beyond that of the call") {
  TempDir dir;
  Daemon daemon(dir.socket(), [](Peer& peer) {
    for (Words words = peer.request(); !words.empty(); words = peer.request()) {
      // Later than it was asked to answer, as where its store does not.
      std::this_thread::sleep_for(milliseconds(150));
      peer.send(allowed());
    }
  });
  OpenClient client(dir.socket());
  CHECK(acquire(client.limit(), 50).rc == 0);
}

TEST_CASE("a daemon that is restarted while it waits is asked for what time is left") {
  TempDir dir;
  Event asked;
  const auto silent = [&](Peer& peer) {
    if (!peer.request().empty()) asked.happen();
    peer.wait_for_end();
  };
  Script after({allowed()});
  std::optional<Daemon> daemon(std::in_place, dir.socket(), silent);
  OpenClient client(dir.socket());
  Outcome outcome;
  const auto start = steady_clock::now();
  std::thread waiting([&] { outcome = acquire(client.limit(), 300'000); });
  CHECK(asked.wait());
  const auto waited = since(start);
  daemon.reset();
  daemon.emplace(dir.socket(), after.serve());
  waiting.join();
  CHECK(outcome.rc == 0);
  REQUIRE(after.requests().size() == 1);
  CHECK(std::stoll(after.requests()[0].at(3)) <= 300'010 - waited.count());
}

TEST_CASE("a stop, a store that is away and a full waiting room are waited out, for a time") {
  TempDir dir;
  for (const std::string error : {"-SHUTDOWN the daemon is stopping\r\n",
                                  "-STOREDOWN the store is away\r\n", "-BUSY too many wait\r\n"}) {
    Script passing({error, error, allowed()});
    Script lasting({error});
    {
      Daemon daemon(dir.socket(), passing.serve());
      CHECK(acquire(OpenClient(dir.socket()).limit(), -1).rc == 0);
      CHECK(passing.requests().size() == 3);
    }
    Daemon daemon(dir.socket(), lasting.serve());
    const auto start = steady_clock::now();
    const int rc = acquire(OpenClient(dir.socket(), 120).limit(), -1).rc;
    CHECK((rc == -ESHUTDOWN || rc == -EAGAIN || rc == -EBUSY));
    CHECK(since(start) >= milliseconds(120));
    CHECK(since(start) < kSoon);
  }
}

TEST_CASE("who is cancelled, or comes to the end of its time, hangs up") {
  TempDir dir;
  Event asked;
  Event ended;
  Daemon daemon(dir.socket(), [&](Peer& peer) {
    if (!peer.request().empty()) asked.happen();
    peer.wait_for_end();
    ended.happen();
  });
  OpenClient client(dir.socket(), 50);
  CHECK(acquire(client.limit(), 50).rc == -ETIMEDOUT);
  CHECK(ended.wait(1));
  Outcome outcome;
  std::thread waiting([&] { outcome = acquire(client.limit(), -1); });
  CHECK(asked.wait(2));
  // A child has a copy of the connection, and keeps it open.
  int hold[2];
  REQUIRE(pipe(hold) == 0);
  const pid_t child = fork();
  if (child == 0) {
    close(hold[1]);
    char byte;
    _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
  }
  rategate_cancel(client.get());
  waiting.join();
  CHECK(outcome.rc == -ECANCELED);
  CHECK(ended.wait(2));
  close(hold[0]);
  close(hold[1]);
  waitpid(child, nullptr, 0);
}

TEST_CASE("who waits is in nobody's way") {
  TempDir dir;
  Event asked;
  Daemon daemon(dir.socket(), [&](Peer& peer) {
    for (Words words = peer.request(); !words.empty(); words = peer.request()) {
      if (words.at(0) == "CHECK") peer.send(allowed());
      asked.happen();
    }
  });
  OpenClient client(dir.socket());
  std::thread waiting([&] { acquire(client.limit(), -1); });
  CHECK(asked.wait());
  CHECK(check(client.limit()).rc == 0);
  rategate_cancel(client.get());
  waiting.join();
  CHECK(daemon.connections() == 2);
}
