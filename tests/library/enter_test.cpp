// rategate_enter, rategate_stay and rategate_leave: what they ask, whose connection an entry is of,
// and what becomes of it in a failure, a restart and a child.
#include <sys/wait.h>

#include <cerrno>
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

std::string entry_reply(std::int64_t entered, std::int64_t remaining, std::int64_t retry_ms,
                        std::int64_t ticket) {
  std::string bytes = "*5\r\n";
  for (const std::int64_t number : {entered, std::int64_t{3}, remaining, retry_ms, ticket}) {
    bytes += ":" + std::to_string(number) + "\r\n";
  }
  return bytes;
}
std::string entered(std::int64_t ticket = 7) { return entry_reply(1, 2, 0, ticket); }
std::string full(std::int64_t retry_ms = 20) { return entry_reply(0, 0, retry_ms, 0); }

struct Entered {
  int rc = 0;
  rategate_entry* entry = nullptr;
  rategate_decision decision{};
  std::string text;
};

Entered enter(rategate_limit* limit, std::int64_t timeout_ms = 0, std::string_view key = {},
              std::int64_t cost = 1, std::int64_t for_ms = 0) {
  Entered result;
  rategate_error error{};
  result.rc = rategate_enter(limit, key.data(), key.size(), cost, timeout_ms, for_ms, &result.entry,
                             &result.decision, &error);
  result.text = error.text;
  return result;
}

int stay(rategate_entry* entry) { return rategate_stay(entry, nullptr); }
int leave(rategate_entry* entry) { return rategate_leave(entry, nullptr); }

// Enters everybody, by the number of the connection as ticket, and knows who is there.
class Hall {
 public:
  Daemon::Serve serve() {
    return [this](Peer& peer) {
      for (Words words = peer.request(); !words.empty(); words = peer.request()) {
        answer(peer, words);
      }
      const std::lock_guard lock(mutex_);
      inside_.erase(peer.number());
    };
  }
  std::set<int> inside() {
    const std::lock_guard lock(mutex_);
    return inside_;
  }
  // Whether there are so many before long.
  bool come_to(std::size_t count) {
    const auto start = steady_clock::now();
    while (inside().size() != count && since(start) < kSoon) std::this_thread::yield();
    return inside().size() == count;
  }

 private:
  void answer(const Peer& peer, const Words& words) {
    const std::lock_guard lock(mutex_);
    if (words[0] == "ENTER") {
      inside_.insert(peer.number());
      peer.send(entered(peer.number()));
    } else if (words[0] == "LEAVE") {
      peer.send(":" + std::to_string(inside_.erase(std::stoi(words[1]))) + "\r\n");
    } else if (words.at(1) == "silent") {
      return;
    } else {
      peer.send(decision(true, 100, peer.number(), 0, 412, 0));
    }
  }

  std::mutex mutex_;
  std::set<int> inside_;
};

}  // namespace

TEST_CASE("what is asked to enter, and to leave") {
  TempDir dir;
  Script script({entered(5), ":1\r\n", entered(6), ":1\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const Entered first = enter(client.limit("work"), 0, "alice", 2);
  REQUIRE(first.rc == 0);
  CHECK(first.decision.allowed == 1);
  CHECK(first.decision.reason == RATEGATE_COUNTED);
  CHECK(first.decision.limit == 3);
  CHECK(first.decision.remaining == 2);
  CHECK(stay(first.entry) == 0);
  CHECK(leave(first.entry) == 0);
  const Entered second = enter(client.limit("work"), -1);
  CHECK(leave(second.entry) == 0);
  CHECK(script.requests() == std::vector<Words>{{"ENTER", "work", "alice", "COST", "2"},
                                                {"LEAVE", "5"},
                                                {"ENTER", "work", "TIMEOUT", "60000"},
                                                {"LEAVE", "6"}});
  CHECK(daemon.connections() == 1);  // what is left is used again
}

TEST_CASE("a denial is a decision, and there is no entry") {
  TempDir dir;
  Script script({full(), entry_reply(0, 3, -1, 0)});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const Entered denied = enter(client.limit());
  CHECK(denied.rc == 0);
  CHECK(denied.entry == nullptr);
  CHECK(denied.decision.allowed == 0);
  CHECK(denied.decision.reason == RATEGATE_OVER_LIMIT);
  CHECK(denied.decision.retry_after_ms == 20);
  const Entered never = enter(client.limit(), -1, {}, 9);  // does not wait for that
  CHECK(never.rc == 0);
  CHECK(never.decision.reason == RATEGATE_NEVER_FITS);
  CHECK(daemon.connections() == 1);
}

TEST_CASE("who is denied before its time is over asks again for the rest of it") {
  TempDir dir;
  Script script({full(1), full(1), entered()});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const Entered result = enter(client.limit(), 3'000'000);
  REQUIRE(result.decision.allowed == 1);
  CHECK(script.requests().size() == 3);
  CHECK(std::stoll(script.requests()[2].at(3)) < 3'000'000);
  leave(result.entry);
}

TEST_CASE("the time-out ends in a denial, not before it has come") {
  TempDir dir;
  Daemon daemon(dir.socket(), always(full(1)));
  OpenClient client(dir.socket());
  const auto start = steady_clock::now();
  const Entered result = enter(client.limit(), 60);
  CHECK(result.rc == 0);
  CHECK(result.decision.allowed == 0);
  CHECK(since(start) >= milliseconds(60));
}

TEST_CASE("an entry has a connection that no other call uses or closes") {
  TempDir dir;
  Hall hall;
  Daemon daemon(dir.socket(), hall.serve());
  OpenClient client(dir.socket(), 20'000, 1);  // keeps one connection that is idle
  const OpenClient hasty(dir.socket(), 50);
  rategate_limit* limit = client.limit();
  const Entered one = enter(limit);
  const Entered two = enter(limit);
  CHECK(hall.inside() == std::set<int>{1, 2});
  for (int i = 0; i < 3; ++i) CHECK(check(limit).decision.remaining == 3);
  const Entered three = enter(hasty.limit());
  CHECK(check(hasty.limit("silent")).rc == -ETIMEDOUT);  // closes its own
  CHECK(hall.inside().size() == 3);
  CHECK(stay(three.entry) == 0);
  CHECK(leave(three.entry) == 0);
  CHECK(leave(one.entry) == 0);
  CHECK(hall.inside() == std::set<int>{2});
  CHECK(leave(two.entry) == 0);
  CHECK(hall.inside().empty());
}

TEST_CASE("an answer that is late or lost leaves nobody inside") {
  TempDir dir;
  Event gone;
  Daemon daemon(dir.socket(), [&](Peer& peer) {
    const Words words = peer.request();
    if (peer.number() == 1) {  // says nothing
      peer.wait_for_end();
    } else if (peer.number() == 2) {  // says half of it
      peer.send("*5\r\n:1\r\n:3\r\n");
      peer.wait_for_end();
    } else {  // says something else
      peer.send(entry_reply(1, 2, 0, 0));
      peer.wait_for_end();
    }
    gone.happen();
  });
  OpenClient client(dir.socket(), 40);
  CHECK(enter(client.limit()).rc == -ETIMEDOUT);
  CHECK(gone.wait(1));
  CHECK(enter(client.limit()).rc == -ETIMEDOUT);
  CHECK(gone.wait(2));
  CHECK(enter(client.limit()).rc == -EPROTO);
  CHECK(gone.wait(3));
}

TEST_CASE("an entry that ended with its daemon is told") {
  TempDir dir;
  Hall hall;
  std::optional<Daemon> daemon(std::in_place, dir.socket(), hall.serve());
  OpenClient client(dir.socket());
  const Entered one = enter(client.limit());
  const Entered two = enter(client.limit());
  CHECK(stay(one.entry) == 0);
  daemon.reset();
  daemon.emplace(dir.socket(), hall.serve());
  rategate_error error{};
  CHECK(rategate_stay(one.entry, &error) == -ESTALE);
  CHECK(std::string(error.text) == "the entry is over: its slot was given back");
  CHECK(leave(one.entry) == -ESTALE);
  CHECK(leave(two.entry) == -ESTALE);
  const Entered again = enter(client.limit());
  CHECK(again.decision.allowed == 1);
  CHECK(leave(again.entry) == 0);
}

TEST_CASE("where the daemon does not hear that one leaves, the connection's end tells it") {
  TempDir dir;
  Event gone;
  Daemon daemon(dir.socket(), [&](Peer& peer) {
    peer.request();
    peer.send(entered());
    peer.wait_for_end();
    gone.happen();
  });
  OpenClient client(dir.socket(), 40);
  CHECK(leave(enter(client.limit()).entry) == 0);
  CHECK(gone.wait());
}

TEST_CASE("an entry by time is handed over by its ticket, and stays entered") {
  TempDir dir;
  Script script({entered(9), entered(10), ":1\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const Entered timed = enter(client.limit("work"), 0, {}, 1, 5000);
  std::int64_t ticket = 0;
  REQUIRE(rategate_detach(timed.entry, &ticket, nullptr) == 0);
  CHECK(ticket == 9);
  const Entered tied = enter(client.limit("work"));
  rategate_error error{};
  CHECK(rategate_detach(tied.entry, &ticket, &error) == -EINVAL);
  CHECK(std::string(error.text) == "the entry belongs to a connection, and has no ticket");
  CHECK(rategate_detach(nullptr, &ticket, nullptr) == -EINVAL);
  CHECK(ticket == 9);
  CHECK(leave(tied.entry) == 0);
  CHECK(script.requests() ==
        std::vector<Words>{{"ENTER", "work", "FOR", "5000"}, {"ENTER", "work"}, {"LEAVE", "10"}});
}

TEST_CASE("an entry by time belongs to no connection") {
  TempDir dir;
  Script script({entered(9), allowed(), ":1\r\n", ":1\r\n", ":0\r\n", entered(10), ":0\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const Entered one = enter(client.limit("work"), 0, {}, 1, 5000);
  REQUIRE(one.decision.allowed == 1);
  CHECK(check(client.limit("work")).rc == 0);
  CHECK(stay(one.entry) == 0);
  CHECK(in_child([&] { return leave(one.entry); }) == 0);  // by whomever
  CHECK(leave(one.entry) == -ESTALE);
  const Entered two = enter(client.limit("work"), 0, {}, 1, 5000);
  CHECK(stay(two.entry) == -ESTALE);
  CHECK(leave(two.entry) == -ESTALE);
  CHECK(script.requests() == std::vector<Words>{{"ENTER", "work", "FOR", "5000"},
                                                {"CHECK", "work"},
                                                {"STAY", "9"},
                                                {"LEAVE", "9"},
                                                {"LEAVE", "9"},
                                                {"ENTER", "work", "FOR", "5000"},
                                                {"STAY", "10"},
                                                {"LEAVE", "10"}});
  CHECK(daemon.connections() == 2);  // and that of the child
}

TEST_CASE("an entry by connection stays the parent's") {
  TempDir dir;
  Hall hall;
  Daemon daemon(dir.socket(), hall.serve());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit();
  const Entered one = enter(limit);
  CHECK(in_child([&] { return -stay(one.entry); }) == ESTALE);
  CHECK(in_child([&] { return leave(one.entry); }) == 0);
  CHECK(in_child([&] {
          const bool asked = check(limit).rc == 0;
          const Entered its = enter(limit);
          const bool left = leave(its.entry) == 0;
          rategate_leave(one.entry, nullptr);
          rategate_close(client.get());
          return asked && left && its.decision.allowed == 1 ? 0 : 1;
        }) == 0);
  CHECK(hall.come_to(1));
  CHECK(stay(one.entry) == 0);
  // Although a child has a copy, the slot is free when the parent has left.
  int pipe_fds[2];
  REQUIRE(pipe2(pipe_fds, O_CLOEXEC) == 0);
  const pid_t child = fork();
  if (child == 0) {
    close(pipe_fds[1]);
    char byte = 0;
    _exit(read(pipe_fds[0], &byte, 1) == 0 ? 0 : 1);
  }
  close(pipe_fds[0]);
  CHECK(leave(one.entry) == 0);
  CHECK(hall.inside().empty());
  close(pipe_fds[1]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
}

TEST_CASE("a program that closes what it does not know loses its entry, and nothing of its own") {
  TempDir dir;
  Hall hall;
  Daemon daemon(dir.socket(), hall.serve());
  OpenClient client(dir.socket());
  CHECK(in_child([&] {
          const Entered one = enter(client.limit());
          const OwnDescriptors own;
          const bool told = stay(one.entry) == -ESTALE && leave(one.entry) == -ESTALE;
          return told && own.untouched() ? 0 : 1;
        }) == 0);
  CHECK(hall.come_to(0));
}

TEST_CASE("who is closed with entries gives them back, and so does who ends") {
  TempDir dir;
  Hall hall;
  Daemon daemon(dir.socket(), hall.serve());
  CHECK(in_child([&] {
          OpenClient client(dir.socket());
          return enter(client.limit()).decision.allowed == 1 ? 0 : 1;
        }) == 0);
  CHECK(hall.come_to(0));
}

TEST_CASE("cancel ends those who wait to enter, and an entry can be left afterwards") {
  TempDir dir;
  Event asked;
  Daemon daemon(dir.socket(), [&](Peer& peer) {
    for (Words words = peer.request(); !words.empty(); words = peer.request()) {
      if (words[0] == "LEAVE") peer.send(":1\r\n");
      if (words.size() == 2 && words[0] == "ENTER") peer.send(entered());
      asked.happen();
    }
  });
  OpenClient client(dir.socket());
  const Entered inside = enter(client.limit());
  Entered waiting;
  std::thread thread([&] { waiting = enter(client.limit(), -1); });
  CHECK(asked.wait(2));
  rategate_cancel(client.get());
  thread.join();
  CHECK(waiting.rc == -ECANCELED);
  CHECK(waiting.entry == nullptr);
  CHECK(leave(inside.entry) == 0);
}

TEST_CASE("a client has so many entries and no more") {
  TempDir dir;
  Daemon daemon(dir.socket(), [](Peer& peer) {
    for (Words words = peer.request(); !words.empty(); words = peer.request()) {
      peer.send(words[0] == "ENTER" ? entered() : ":1\r\n");
    }
  });
  OpenClient client(dir.socket());
  std::vector<rategate_entry*> entries;
  for (int i = 0; i < RATEGATE_MAX_ENTRIES; ++i) {
    entries.push_back(enter(client.limit(), 0, {}, 1, 5000).entry);  // by time: without descriptors
  }
  const Entered more = enter(client.limit());
  CHECK(more.rc == -EBUSY);
  CHECK(more.text == "this client has 1024 entries");
  CHECK(leave(entries.back()) == 0);
  entries.back() = enter(client.limit()).entry;
  CHECK(entries.back() != nullptr);
  for (rategate_entry* entry : entries) CHECK(leave(entry) == 0);
}

TEST_CASE("errors of entering touch nothing but the error") {
  for (const auto& [answer, code] : std::vector<std::pair<std::string, int>>{
           {"-NOLIMIT no limit named 'api'\r\n", -ENOENT},
           {"-BUSY too many have entered, or wait for limit 'api'\r\n", -EBUSY},
           {"-STOREDOWN the store is away\r\n", -EAGAIN},
           {"-ERR unknown command 'ENTER'\r\n", -EREMOTEIO},
           {"-ERR limit 'api' is no limit of concurrency\r\n", -EREMOTEIO},
           {":1\r\n", -EPROTO}}) {
    CAPTURE(answer);
    TempDir dir;
    Daemon daemon(dir.socket(), always(answer));
    OpenClient client(dir.socket());
    auto* const untouched = reinterpret_cast<rategate_entry*>(&dir);
    for (const std::int64_t timeout_ms : {0, 30}) {
      rategate_entry* entry = untouched;
      rategate_decision decision{};
      decision.limit = 77;
      rategate_error error{};
      CHECK(rategate_enter(client.limit(), nullptr, 0, 1, timeout_ms, 0, &entry, &decision,
                           &error) == code);
      CHECK(entry == untouched);
      CHECK(decision.limit == 77);
      CHECK(error.text[0] != '\0');
    }
  }
}

TEST_CASE("arguments of entering out of range are refused without asking") {
  TempDir dir;
  Script script({entered()});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit();
  rategate_entry* entry = nullptr;
  rategate_decision decision;
  CHECK(enter(nullptr).rc == -EINVAL);
  CHECK(enter(limit, -2).rc == -EINVAL);
  CHECK(enter(limit, 0, std::string(513, 'k')).rc == -EINVAL);
  CHECK(enter(limit, 0, {}, 0).rc == -EINVAL);
  CHECK(enter(limit, 0, {}, 1, 99).rc == -EINVAL);
  CHECK(enter(limit, 0, {}, 1, 86'400'001).rc == -EINVAL);
  CHECK(enter(client.limit("declared", 5, 1000)).rc == -EINVAL);
  CHECK(rategate_enter(limit, nullptr, 0, 1, 0, 0, nullptr, &decision, nullptr) == -EINVAL);
  CHECK(rategate_enter(limit, nullptr, 0, 1, 0, 0, &entry, nullptr, nullptr) == -EINVAL);
  CHECK(stay(nullptr) == -EINVAL);
  CHECK(leave(nullptr) == 0);
  CHECK(script.requests().empty());
}
