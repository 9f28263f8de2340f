// What a client has of shared memory through its life: in children, after its rule, its segment or
// its daemon has been replaced, and when it is closed.
#include <cerrno>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/library/processes.hpp"
#include "tests/library/shm_fixture.hpp"

using namespace fake;

TEST_CASE("a child spends from its parent's pools, and nudges") {
  Fixture f;
  rg_slot* slot = f.pool(10, false, 9);
  rategate_limit* limit = f.attached();
  CHECK(in_child([&] {
          const Outcome first = check(limit, {}, 2);
          return in_place(first) && first.decision.remaining == 8 &&
                         in_child(
                             [&] { return static_cast<int>(check(limit).decision.remaining); }) == 7
                     ? 0
                     : 1;
        }) == 0);
  CHECK(check(limit).decision.remaining == 6);
  CHECK(f.segment.nudged() == std::vector<std::uint32_t>{f.segment.number_of(slot)});
  CHECK(f.daemon->connections() == 1);
  // A child that misses connects, attaches to what it has, and both go on.
  CHECK(in_child([&] {
          return by_daemon(check(limit, {}, 50)) && in_place(check(limit)) ? 0 : 1;
        }) == 0);
  CHECK(f.shared.attached == 2);
  CHECK(check(limit).decision.remaining == 4);
  CHECK(in_child([&] {
          rategate_close(f.client->get());
          return 0;
        }) == 0);
  CHECK(check(limit).decision.remaining == 3);
}

TEST_CASE("a child that closed all it does not know hints at nothing of its own") {
  Fixture f;
  rg_slot* slot = f.pool(10, false, 9);
  rategate_limit* limit = f.attached();
  CHECK(in_child([&] {
          const OwnDescriptors own;
          const bool decided = in_place(check(limit, {}, 2));  // below low water
          const bool asked = by_daemon(check(limit, {}, 50));  // attaches anew
          rg_hint_store(&slot->low_water, 8);
          return decided && asked && in_place(check(limit)) && own.untouched() ? 0 : 1;
        }) == 0);
  CHECK(f.shared.attached == 2);
  CHECK(f.segment.nudged() == std::vector<std::uint32_t>{f.segment.number_of(slot)});
}

TEST_CASE("a rule that ended without a word is asked for anew before long") {
  Fixture f;
  f.pool(1);
  rategate_limit* limit = f.attached();
  CHECK(in_place(check(limit)));
  // Twice as many checks each time, so that a rule that comes and goes costs few records.
  int most = 32;
  for (std::int64_t rule = kRule + 1; rule < kRule + 4; ++rule, most *= 2) {
    CAPTURE(rule);
    f.shared.resolve = [=](const Words&) { return rule_answer(rule, 50, kPeriodMs); };
    Segment::put(f.segment.give(static_cast<std::uint64_t>(rule)), f.end_ms, 1);
    int asked = 0;
    while (asked <= most && by_daemon(check(limit))) ++asked;
    CHECK(asked == most);
  }
}

TEST_CASE("a limit that could not be shared is asked about again") {
  Fixture f;
  f.pool(1);
  auto shared = std::exchange(
      f.shared.resolve, [](const Words&) { return std::string("-BUSY too many limits\r\n"); });
  rategate_limit* limit = f.attached();
  CHECK(by_daemon(check(limit)));
  f.shared.resolve = shared;
  int asked = 0;
  while (asked < 100 && by_daemon(check(limit))) ++asked;
  CHECK(asked < 100);
}

TEST_CASE("a daemon that had no memory to give is asked again") {
  Fixture f;
  f.pool(1);
  auto attach = std::exchange(f.shared.attach, [](Peer& peer) { peer.send("-NOSHM full\r\n"); });
  rategate_limit* limit = f.attached();
  CHECK(by_daemon(check(limit)));
  CHECK(f.shared.attached == 1);
  f.shared.attach = attach;
  int asked = 0;
  while (asked < 3000 && by_daemon(check(limit))) ++asked;
  CHECK(asked < 3000);
  CHECK(f.shared.attached == 2);
}

TEST_CASE("descriptors are close-on-exec, and close gives all of them and the memory back") {
  Fixture f;
  f.client.reset();
  const std::set<int> before = descriptors();
  {
    OpenClient client(f.dir.socket(), 20'000, 0, 0);
    CHECK(by_daemon(check(client.limit())));
    for (const int fd : descriptors()) {
      CAPTURE(fd);
      if (before.count(fd) == 0) CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
    CHECK(mappings(77) == 2);
  }
  CHECK(mappings(77) == 1);
  f.daemon.reset();
  std::set<int> after = descriptors();
  for (const int fd : before) after.erase(fd);
  CHECK(after.empty());
}

TEST_CASE("a new daemon's segment takes the place of the old one, under threads that check") {
  constexpr int kThreads = 8;
  constexpr std::int64_t kPut = 500'000;
  Fixture f;
  rg_slot* old_slot = f.segment.give(kRule);
  Segment::put(old_slot, f.end_ms, kPut, false);
  rategate_limit* limit = f.attached();

  Segment next(Segment::Options{128, 78, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL});
  const std::int64_t end_ms = next.now_in_the_middle_of(kPeriodMs);
  rg_slot* slot = next.give(kRule, {}, 200'000);
  Segment::put(slot, end_ms, 1000, true);
  SharingDaemon successor(next, rule_answer(kRule, 200'000, kPeriodMs));

  std::atomic<std::int64_t> from_old{0};
  std::atomic<std::int64_t> from_new{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (;;) {
        const Outcome outcome = check(limit);
        if (!in_place(outcome)) continue;  // refused while it restarts, or answered
        if (outcome.decision.limit == 200'000 && outcome.decision.allowed == 0) break;
        if (outcome.decision.allowed == 1) {
          ++(outcome.decision.limit == 200'000 ? from_new : from_old);
        }
      }
    });
  }
  f.daemon.reset();
  f.daemon.emplace(f.dir.socket(), successor.serve());
  rg_word_void(&old_slot->word[0]);  // whoever still looks there misses
  for (std::thread& thread : threads) thread.join();
  CHECK(from_new == 1000);
  CHECK(from_old <= kPut);
  CHECK(mappings(77) == 1);
  CHECK(mappings(78) == 2);
  // Its nudges go to the new daemon.
  Segment::put(slot, end_ms, 10, false, 0, 10);
  CHECK(in_place(check(limit)));
  CHECK(next.nudged() == std::vector<std::uint32_t>{next.number_of(slot)});
}
