// The library with a daemon that shares memory: what is decided in place and what over the socket.
#include <cerrno>
#include <thread>
#include <vector>

#include "rategate/rategate.hpp"
#include "tests/library/shm_fixture.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

TEST_CASE("the first check goes over the socket, those after it are decided in place") {
  Fixture f;
  f.pool(10, true, 0, 5);
  rategate_limit* limit = f.attached();
  CHECK(f.shared.attached == 1);
  CHECK(f.shared.resolved == 1);
  const std::int64_t before = mono_ns();
  const Outcome first = check(limit, {}, 3);
  REQUIRE(in_place(first));
  CHECK(first.decision.allowed == 1);
  CHECK(first.decision.reason == RATEGATE_COUNTED);
  CHECK(first.decision.limit == 100'000);
  CHECK(first.decision.remaining == 12);
  CHECK(first.decision.retry_after_ms == 0);
  CHECK(first.decision.reset_after_ms > 0);
  CHECK(first.decision.reset_after_ms <= kPeriodMs);
  CHECK(first.decision.window_end_ms == f.end_ms);
  CHECK(first.decision.decided_ns >= before - 100'000'000);
  CHECK(first.decision.decided_ns <= mono_ns());
  CHECK(check(limit, {}, 7).decision.allowed == 1);
  const Outcome denied = check(limit);
  REQUIRE(in_place(denied));
  CHECK(denied.decision.allowed == 0);
  CHECK(denied.decision.reason == RATEGATE_OVER_LIMIT);
  CHECK(denied.decision.retry_after_ms == denied.decision.reset_after_ms);
  CHECK(f.shared.checked == 1);
  CHECK(f.daemon->connections() == 1);
}

TEST_CASE("what a pool does not hold goes over the socket, and asks nothing else again") {
  Fixture f;
  f.pool(2);
  rategate_limit* limit = f.attached();
  CHECK(by_daemon(check(limit, {}, 3)));
  CHECK(in_place(check(limit, {}, 2)));
  CHECK(by_daemon(check(limit)));
  CHECK(by_daemon(check(limit, "a key without a pool")));  // and RESOLVE with a key
  CHECK(by_daemon(check(limit, "another")));
  CHECK(by_daemon(check(limit, {}, 100'001)));
  CHECK(f.shared.attached == 1);
  CHECK(f.shared.resolved == 2);
}

TEST_CASE("each key has its own pool, unless the limit knows no keys") {
  Fixture f;
  const std::string long_key(200, 'k');
  for (const std::string& key : {std::string("alice"), std::string(31, 'k'), long_key}) {
    Segment::put(f.segment.give(kRule, key), f.end_ms, static_cast<std::int64_t>(key.size()));
  }
  rategate_limit* limit = f.attached("alice");
  CHECK(check(limit, "alice").decision.remaining == 4);
  CHECK(check(limit, std::string(31, 'k')).decision.remaining == 30);
  CHECK(check(limit, long_key).decision.remaining == 199);
  CHECK(by_daemon(check(limit, "bob")));

  Fixture keyless;
  keyless.shared.resolve = [](const Words&) {
    return rule_answer(kRule, 100, kPeriodMs, true, false);
  };
  keyless.pool(9);
  limit = keyless.attached("alice");
  CHECK(check(limit, "alice").decision.remaining == 8);
  CHECK(check(limit, "bob").decision.remaining == 7);
}

TEST_CASE("RESOLVE has the words of CHECK") {
  Fixture f;
  std::vector<Words> asked;
  f.shared.resolve = [&](const Words& words) {
    asked.push_back(words);
    return rule_answer(kRule, 5, kPeriodMs);
  };
  rategate_limit* limit = f.client->limit("declared", 5, 1000);
  CHECK(by_daemon(check(limit)));
  CHECK(by_daemon(check(limit, "k")));
  CHECK(asked ==
        std::vector<Words>{{"RESOLVE", "declared", "LIMIT", "5", "PERIOD", "1000ms"},
                           {"RESOLVE", "declared", "k", "LIMIT", "5", "PERIOD", "1000ms"}});
}

TEST_CASE("limits that are not shared, and answers that are none, are the daemon's") {
  for (const std::string& answer :
       {rule_answer(kRule, 100, kPeriodMs, false), std::string("-NOLIMIT none\r\n"),
        rule_answer(0, 100, kPeriodMs), rule_answer(kRule, 0, kPeriodMs), rule_answer(kRule, 1, 0),
        std::string("*0\r\n"), std::string("+OK\r\n")}) {
    CAPTURE(answer);
    Fixture f;
    f.shared.resolve = [&](const Words&) { return answer; };
    f.pool(100);
    rategate_limit* limit = f.attached();
    CHECK(by_daemon(check(limit)));
    CHECK(f.shared.resolved == 1);
    CHECK(f.daemon->connections() == 1);
  }
}

TEST_CASE("when the rules changed, the handle is resolved anew") {
  Fixture f;
  f.pool(100);
  rategate_limit* limit = f.attached();
  CHECK(in_place(check(limit)));
  __atomic_fetch_add(&f.segment.header().rules, 1, __ATOMIC_RELAXED);
  CHECK(by_daemon(check(limit)));  // the same rule as before
  CHECK(in_place(check(limit)));
  f.shared.resolve = [](const Words&) { return rule_answer(kRule + 1, 50, kPeriodMs); };
  Segment::put(f.segment.give(kRule + 1, {}, 50), f.end_ms, 3);
  __atomic_fetch_add(&f.segment.header().rules, 1, __ATOMIC_RELAXED);
  CHECK(by_daemon(check(limit)));
  CHECK(check(limit).decision.remaining == 2);
  CHECK(check(limit).decision.limit == 50);
  CHECK(f.shared.resolved == 3);
}

TEST_CASE("a clock that is being written, or not trusted, sends checks over the socket") {
  Fixture f;
  f.pool(100);
  rategate_limit* limit = f.attached();
  std::uint64_t& sequence = f.segment.header().clock[0].sequence;
  __atomic_fetch_add(&sequence, 1, __ATOMIC_RELAXED);
  CHECK(by_daemon(check(limit)));
  __atomic_fetch_add(&sequence, 1, __ATOMIC_RELAXED);
  CHECK(in_place(check(limit)));
  rg_field_store(&f.segment.header().clock[0].until_ns, mono_ns());
  CHECK(by_daemon(check(limit)));
}

TEST_CASE("words of other windows are not used") {
  Fixture f;
  rg_slot* slot = f.segment.give(kRule);
  Segment::put(slot, f.end_ms - kPeriodMs, 100, true, 0);
  Segment::put(slot, f.end_ms + kPeriodMs, 100, true, 1);
  CHECK(by_daemon(check(f.attached())));
  CHECK(Segment::permits(slot, 0) == 100);
  CHECK(Segment::permits(slot, 1) == 100);
}

TEST_CASE("checks go over the edge of a window in place, and never back") {
  Fixture f;
  rg_slot* slot = f.pool(RG_WORD_MAX_PERMITS);
  Segment::put(slot, f.end_ms + kPeriodMs, RG_WORD_MAX_PERMITS, false, 1);
  rategate_limit* limit = f.attached();
  const std::int64_t now = mono_ns();
  // The edge is 30 ms away: first the coarse clock decides, then the precise one, then one waits.
  f.segment.set_clock(f.end_ms * 1'000'000 - now - 30'000'000, 200'000, now, now + Segment::kHour);
  const auto deadline = steady_clock::now() + kSoon;
  std::int64_t last = f.end_ms;
  while (last == f.end_ms && steady_clock::now() < deadline) {
    const Outcome outcome = check(limit);
    REQUIRE(in_place(outcome));
    REQUIRE(outcome.decision.window_end_ms >= last);
    last = outcome.decision.window_end_ms;
    // By its own clock reading, the decision was in its window.
    const std::int64_t middle =
        outcome.decision.decided_ns + f.end_ms * 1'000'000 - now - 30'000'000;
    REQUIRE(middle < last * 1'000'000);
    REQUIRE(middle >= (last - kPeriodMs) * 1'000'000);
  }
  CHECK(last == f.end_ms + kPeriodMs);
  CHECK(f.shared.checked == 1);
}

TEST_CASE("low water is told the daemon once, by whichever thread crosses it") {
  Fixture f;
  rg_slot* slot = f.segment.give(kRule);
  rategate_limit* limit = f.attached();
  for (int flow = 0; flow < 3; ++flow) {
    Segment::put(slot, f.end_ms, 16'000, true, 0, 500);
    std::atomic<int> allowed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 16; ++t) {
      threads.emplace_back([&] {
        // What lost too many swaps was answered by the daemon.
        for (Outcome outcome = check(limit); outcome.decision.allowed == 1;
             outcome = check(limit)) {
          if (outcome.decision.decided_ns != 0) ++allowed;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(allowed == 16'000);
    CHECK(f.segment.nudged() == std::vector<std::uint32_t>{f.segment.number_of(slot)});
    rg_word_void(&slot->word[0]);
  }
}

TEST_CASE("rategate_acquire is decided in place, and cancelled all the same") {
  Fixture f;
  f.pool(2, true);
  rategate_limit* limit = f.attached();
  CHECK(in_place(acquire(limit, -1)));
  CHECK(in_place(acquire(limit, 0)));
  CHECK(acquire(limit, 0).rc == -ETIMEDOUT);
  CHECK(acquire(limit, 0, 0).rc == -EINVAL);
  Segment::put(&f.segment.slots()[0], f.end_ms, 2);
  rategate_cancel(f.client->get());
  CHECK(acquire(limit, -1).rc == -ECANCELED);
  CHECK(f.shared.checked == 1);
}

TEST_CASE("a daemon that gives no memory, or such as cannot be used, is asked over the socket") {
  struct Refusal {
    const char* what;
    std::function<void(const Segment&, Peer&)> attach;
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  };
  const auto line = [](std::string text) {
    return [text](const Segment&, Peer& peer) { peer.send(text + "\r\n"); };
  };
  const auto damaged = [](auto damage) {
    return [damage](const Segment& s, Peer& peer) {
      damage(s.header());
      peer.send_with(s.attach_answer(), {s.memfd(), s.nudge_fd()});
    };
  };
  const std::vector<Refusal> refusals = {
      {"off", line("-NOSHM shared memory is off")},
      {"denied", line("-DENIED not for this user")},
      {"an older daemon", line("-ERR unknown command 'ATTACH'")},
      {"another shape", line("+OK")},
      {"too few numbers", line("*1\r\n:1")},
      {"another layout",
       [](const Segment& s, Peer& p) {
         p.send_with(s.attach_answer(RG_SHM_LAYOUT_VERSION + 1), {s.memfd(), s.nudge_fd()});
       }},
      {"another layout of another shape",
       [](const Segment& s, Peer& p) {
         p.send_with("*2\r\n:9\r\n$1\r\nx\r\n", {s.memfd(), s.nudge_fd()});
       }},
      {"a clock ahead",
       [](const Segment& s, Peer& p) {
         p.send_with(s.attach_answer(1, Segment::kHour), {s.memfd(), s.nudge_fd()});
       }},
      {"a clock behind",
       [](const Segment& s, Peer& p) {
         p.send_with(s.attach_answer(1, -Segment::kHour), {s.memfd(), s.nudge_fd()});
       }},
      {"no descriptors", [](const Segment& s, Peer& p) { p.send(s.attach_answer()); }},
      {"one descriptor",
       [](const Segment& s, Peer& p) { p.send_with(s.attach_answer(), {s.memfd()}); }},
      {"no memfd", [](const Segment& s,
                      Peer& p) { p.send_with(s.attach_answer(), {s.nudge_fd(), s.nudge_fd()}); }},
      {"not sealed", damaged([](rg_shm_header&) {}), 0},
      {"magic", damaged([](rg_shm_header& h) { ++h.magic; })},
      {"version inside", damaged([](rg_shm_header& h) { ++h.layout_version; })},
      {"header's size", damaged([](rg_shm_header& h) { ++h.header_bytes; })},
      {"size inside", damaged([](rg_shm_header& h) { ++h.bytes; })},
      {"slots", damaged([](rg_shm_header& h) { h.slots = 63; })},
      {"twice the slots", damaged([](rg_shm_header& h) { h.slots = 128; })},
      {"no probes", damaged([](rg_shm_header& h) { h.probes = 0; })},
      {"too many probes", damaged([](rg_shm_header& h) { h.probes = 9; })},
      {"no generation", damaged([](rg_shm_header& h) { h.generation = 0; })},
      {"another generation than was said",
       [](const Segment& s, Peer& p) {
         const std::string answer = s.attach_answer();
         ++s.header().generation;
         p.send_with(answer, {s.memfd(), s.nudge_fd()});
       }},
      {"another size than was said",
       [](const Segment& s, Peer& p) {
         std::string answer = s.attach_answer();
         answer.replace(answer.rfind(':') + 1, std::string::npos,
                        std::to_string(rg_shm_bytes(32)) + "\r\n");
         p.send_with(answer, {s.memfd(), s.nudge_fd()});
       }},
  };
  for (const Refusal& refusal : refusals) {
    CAPTURE(refusal.what);
    TempDir dir;
    Segment segment(Segment::Options{64, 77, refusal.seals});
    const std::int64_t end_ms = segment.now_in_the_middle_of(kPeriodMs);
    Segment::put(segment.give(kRule), end_ms, 100);
    SharingDaemon shared(segment, rule_answer(kRule, 100, kPeriodMs));
    shared.attach = [&](Peer& peer) { refusal.attach(segment, peer); };
    Daemon daemon(dir.socket(), shared.serve());
    {
      OpenClient client(dir.socket(), 20'000, 0, 0);
      for (int i = 0; i < 3; ++i) CHECK(by_daemon(check(client.limit())));
      CHECK(mappings(77) == 1);
    }
    CHECK(shared.attached == 1);
    CHECK(shared.resolved == 0);
    CHECK(daemon.connections() == 1);
  }
}

TEST_CASE("a daemon that hangs up on ATTACH costs no check") {
  Fixture f;
  f.shared.attach = [](Peer& peer) { peer.stop(); };
  for (int i = 0; i < 3; ++i) CHECK(by_daemon(check(f.client->limit())));
  CHECK(f.shared.checked == 3);
}

TEST_CASE("who asks for the socket only gets it") {
  Fixture f;
  f.client.emplace(f.dir.socket());
  f.pool(100);
  for (int i = 0; i < 3; ++i) CHECK(by_daemon(check(f.client->limit())));
  CHECK(f.shared.attached == 0);
  rategate_options options{};
  options.size = sizeof options;
  options.flags = 4;
  rategate_client* client = nullptr;
  CHECK(rategate_open(&client, &options) == -EINVAL);
}

TEST_CASE("in C++, decisions tell the same") {
  Fixture f;
  f.pool(9);
  rategate::Options options;
  options.socket_path = f.dir.socket();
  const rategate::Limit limit = rategate::Client(options).limit("api");
  CHECK(limit.check().window_end_ms == 0);
  const rategate::Decision decision = limit.check();
  CHECK(decision.remaining == 8);
  CHECK(decision.window_end_ms == f.end_ms);
  CHECK(decision.decided_ns != 0);
  options.shared_memory = false;
  CHECK(rategate::Client(options).limit("api").check().remaining == kByDaemon);
  CHECK(f.shared.attached == 1);
}

TEST_CASE("whatever is written into the segment, checks neither crash nor hang") {
  Fixture f;
  f.segment.give(kRule);
  rategate_limit* limit = f.attached();
  std::atomic<int> running{4};
  std::atomic<std::int64_t> answered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3000; ++i) {
        if (check(limit, t % 2 == 0 ? "" : "key").rc == 0) ++answered;
      }
      --running;
    });
  }
  std::uint64_t state = 1;
  auto* words = reinterpret_cast<std::uint64_t*>(&f.segment.header());
  while (running > 0) {
    for (std::size_t i = 0; i < f.segment.bytes() / 8; ++i) {
      state = state * 6364136223846793005 + 1442695040888963407;
      // Some plausible ones, so that it comes further than the clock.
      const bool clock = i >= 16 && i < 22;
      __atomic_store_n(&words[i], clock && (state >> 60) < 12 ? state >> 40 & ~1ULL : state,
                       __ATOMIC_RELAXED);
    }
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(answered == 4 * 3000);
}

TEST_CASE("a key that is blocked is denied in place, with the reason") {
  Fixture f;
  rg_slot* const slot = f.pool(0, true);
  slot->identity.rule |= RG_RULE_IS_BLOCKED;
  rategate_limit* const limit = f.attached();
  const Outcome denied = check(limit);
  REQUIRE(in_place(denied));
  CHECK(denied.decision.allowed == 0);
  CHECK(denied.decision.reason == RATEGATE_BLOCKED);
  CHECK(denied.decision.limit == 100'000);
  CHECK(denied.decision.remaining == 0);
  CHECK(denied.decision.retry_after_ms > 0);
}
