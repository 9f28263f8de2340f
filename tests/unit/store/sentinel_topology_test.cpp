// When sentinels are asked, who is followed, and what is said: over links of fakes, under a clock
// of the test's own.
#include "daemon/store/sentinel/sentinel_topology.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/store/fake_sentinel.hpp"

using namespace rategate;

namespace {

using What = SentinelEvent::What;

const HostPort kA{"a", 1};
const HostPort kB{"b", 2};
constexpr std::int64_t kSecond = 1'000'000;

struct Bench {
  explicit Bench(std::size_t sentinels, std::string password = {}) : topology(options(), told) {
    for (std::size_t i = 0; i < sentinels; ++i) {
      auto& fake = *fakes.emplace_back(std::make_unique<FakeSentinel>());
      fake.asks.password = fake.listens.password = password;
      const auto links = topology.add("s" + std::to_string(i), fake.asks, fake.listens);
      fake.asking = &links.asks;
      fake.listening = &links.listens;
    }
    told.topology = &topology;
    topology.start(now);
  }

  static SentinelTopology::Options options() {
    SentinelTopology::Options options;
    options.master = "m";
    return options;
  }

  FakeSentinel& operator[](std::size_t at) { return *fakes[at]; }

  void turn() {
    for (auto& fake : fakes) fake->asks.now = fake->listens.now = now;
    topology.turn(now);
    topology.pump();
  }
  void connect_all() {
    for (auto& fake : fakes) {
      if (fake->asks.open) fake->asking->connected(now);
    }
    turn();
  }
  // Time passes, and each sentinel that is asked names that one.
  void pass(std::int64_t us, const HostPort& primary) {
    const Mono until = after(now, us);
    while (now < until) {
      now = std::min(until, std::max(after(now, 1000), topology.next_turn()));
      turn();
      for (auto& fake : fakes) {
        if (fake->is_asked()) fake->names(primary);
      }
      turn();
    }
  }
  void pass_silently(std::int64_t us) {
    const Mono until = after(now, us);
    while (now < until) {
      now = std::min(until, std::max(after(now, 1000), topology.next_turn()));
      turn();
    }
  }
  Mono now{10'000'000};
  ToldBySentinels told;
  SentinelTopology topology;
  std::vector<std::unique_ptr<FakeSentinel>> fakes;
};

// In use is what all three name.
struct Settled : Bench {
  Settled() : Bench(3) {
    topology.primary(now);
    connect_all();
    for (const auto& fake : fakes) fake->names(kA);
    REQUIRE(told.connected == kA);
    turn();
    pass(100'000, kA);
  }
};

}  // namespace

TEST_CASE("each sentinel is asked as soon as it is connected, and a majority names the primary") {
  Bench bench(3);
  CHECK_FALSE(bench.topology.primary(bench.now));
  CHECK(bench.topology.awaits() ==
        "no majority of the sentinels names the primary of m (s0: it has not answered yet; s1: it "
        "has "
        "not answered yet; s2: it has not answered yet)");
  CHECK(bench.topology.trouble().empty());  // it has only just begun
  bench.connect_all();
  REQUIRE(bench[0].asks.requests.size() == 2);
  bench[0].names(kA);
  CHECK(bench.told.named.empty());
  bench[2].names(kA);
  CHECK(bench.told.named == std::vector{kA});
  CHECK(bench.told.connected == kA);
  CHECK(bench.topology.in_use() == kA);
  bench[1].names(kA);
  CHECK(bench.told.named.size() == 1);
  CHECK(bench.told.events.empty());
  CHECK(bench.topology.status().agreeing == 3);
}

TEST_CASE("a password goes first, and alone where there is no user") {
  Bench bench(1, "secret");
  bench.connect_all();
  REQUIRE(bench[0].asks.requests.size() == 3);
  CHECK(bench[0].asks.requests[0] == "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n");
  bench[0].asks.answer(*bench[0].asking, "-WRONGPASS no\r\n");
  CHECK_FALSE(bench[0].asks.open);
  CHECK(bench.told.events == std::vector{What::SentinelAway});
  CHECK(bench.told.why == "AUTH: WRONGPASS no");
}

TEST_CASE("they are asked about once a second, and one question at a time") {
  Settled bench;
  for (int i = 0; i < 10; ++i) {
    const Mono before = bench.now;
    while (!bench[0].is_asked()) {
      bench.now = bench.topology.next_turn();
      bench.turn();
    }
    CHECK(bench.now.us - before.us >= 600'000);
    CHECK(bench.now.us - before.us <= 850'000);
    for (std::size_t s = 0; s < 3; ++s) {
      REQUIRE(bench[s].asks.requests.size() == 2);
      bench[s].names(kA);
    }
  }
}

TEST_CASE("another primary is followed when a majority names it, at once") {
  Settled bench;
  bench[1].listening->connected(bench.now);
  bench.turn();
  bench[1].listens.answer(*bench[1].listening, "+PONG\r\n");
  bench.now = after(bench.now, 300'000);
  bench[1].listening->heard(bench.now);
  CHECK(bench.topology.next_turn() <= bench.now);
  bench.turn();
  for (std::size_t s = 0; s < 3; ++s) CHECK(bench[s].is_asked());
  bench[0].names(kB);
  CHECK(bench.told.named == std::vector{kA});
  bench[1].names(kB);
  CHECK(bench.told.named == std::vector{kA, kB});
  CHECK(bench.told.count(What::PrimaryChanged) == 1);
  CHECK(bench.told.connected == kB);
  bench[2].names(kB);
  CHECK(bench.told.named.size() == 2);
  CHECK(bench.topology.status().primary_changes == 1);
}

TEST_CASE("news without end do not have them asked without end") {
  Settled bench;
  int asked = 0;
  for (int ms = 0; ms < 1000; ++ms) {
    bench.now = after(bench.now, 1000);
    bench.topology.left(bench.now);
    bench.turn();
    if (bench[0].is_asked()) {
      ++asked;
      for (std::size_t s = 0; s < 3; ++s) bench[s].names(kA);
    }
  }
  CHECK(asked >= 15);
  CHECK(asked <= 21);
}

TEST_CASE("one that lies alone is not followed, ever") {
  Settled bench;
  for (int i = 0; i < 20; ++i) {
    bench.now = bench.topology.next_turn();
    bench.turn();
    if (!bench[0].is_asked()) continue;
    bench[0].names(kB);
    bench[1].names(kA);
    bench[2].names(kA);
  }
  CHECK(bench.told.named == std::vector{kA});
  CHECK(bench.told.count(What::MajorityLost) == 0);
  CHECK(bench.topology.status().answering == 3);
  CHECK(bench.topology.status().agreeing == 2);
}

TEST_CASE("without a majority nothing moves, which is said once, and when it is over") {
  Settled bench;
  bench[0].asking->closed("gone", bench.now);
  bench[1].asking->closed("gone", bench.now);
  CHECK(bench.told.count(What::SentinelAway) == 2);
  CHECK(bench.topology.trouble().empty());
  bench.pass(3 * kSecond, kA);  // the third names it still; the other two do not come back
  CHECK(bench.told.count(What::MajorityLost) == 1);
  CHECK(bench.told.named == std::vector{kA});
  CHECK(
      bench.topology.trouble().starts_with("no majority of the sentinels names the primary of m"));
  CHECK(bench.topology.trouble().find("s2: it names a:1") != std::string_view::npos);
  CHECK_FALSE(bench.topology.primary(bench.now));

  bench.connect_all();
  for (std::size_t s = 0; s < 3; ++s) {
    if (bench[s].is_asked()) bench[s].names(kA);
  }
  // It is the one of before, but somebody waits for it.
  bench.pass(kSecond, kA);
  CHECK(bench.told.count(What::MajorityLost) == 1);
  CHECK(bench.told.count(What::MajorityBack) == 1);
  CHECK(bench.told.count(What::SentinelBack) == 2);
  CHECK(bench.told.count(What::PrimaryChanged) == 0);
  CHECK(bench.told.named == std::vector{kA, kA});
  CHECK(bench.topology.trouble().empty());
}

TEST_CASE("an answer that is old moves nothing") {
  Settled bench;
  bench.now = bench.topology.next_turn();
  bench.turn();
  REQUIRE(bench[0].is_asked());
  bench[0].names(kB);
  // The others are asked again and again, and do not answer.
  bench.pass_silently(1'100'000);
  bench.connect_all();
  REQUIRE(bench[1].is_asked());
  bench[1].names(kB);
  CHECK(bench.told.named == std::vector{kA});
}

TEST_CASE("a sentinel that knows no such master, or is silent, names nobody") {
  Bench bench(1);
  bench.connect_all();
  bench[0].asks.answer(*bench[0].asking, "-ERR No such master with that name\r\n");
  bench[0].asks.answer(*bench[0].asking, "$-1\r\n");
  CHECK(bench.told.why == "it knows no master m");
  CHECK(bench[0].asks.open);
  bench.now = after(bench.now, 700'000);
  bench.pass_silently(500'000);
  CHECK_FALSE(bench[0].is_asked());
  CHECK(bench.topology.awaits().find("s0: no answer in time") != std::string_view::npos);
  CHECK(bench.told.count(What::SentinelAway) == 1);
}

TEST_CASE("a connection is given up in time, and tried again with a back-off that grows") {
  Bench bench(1);
  bench[0].asks.awaited = "a handshake";
  int before = bench[0].asks.connects;
  CHECK(before == 1);
  bench.now = after(bench.now, kSecond);
  bench.turn();
  CHECK(bench.told.why == "cannot connect in time: a handshake");
  std::int64_t last = 0;
  for (int i = 0; i < 8; ++i) {
    const Mono failed = bench.now;
    while (bench[0].asks.connects == before) {
      bench.now = std::max(after(bench.now, 1), bench.topology.next_turn());
      bench.turn();
    }
    before = bench[0].asks.connects;
    const std::int64_t pause = bench.now.us - failed.us;
    CHECK(pause >= std::min<std::int64_t>(25'000 << i, kSecond));
    CHECK(pause <= 2 * kSecond + 1);
    CHECK(pause + 25'000 >= last / 2);
    last = pause;
    bench[0].asking->closed("refused", bench.now);
  }
  CHECK(bench.told.count(What::SentinelAway) == 1);
}

TEST_CASE("whoever cannot be listened to is asked all the same, and that is said once of each") {
  Settled bench;
  REQUIRE(bench[0].listens.open);
  for (int tries = 0; tries < 3;) {
    bench.pass(1000, kA);
    bench[0].listening->connected(bench.now);
    bench.turn();
    if (bench[0].listens.requests.empty()) continue;  // a back-off
    ++tries;
    bench[0].listens.answer(*bench[0].listening, "+PONG\r\n");
    bench[0].listening->closed("NOPERM", bench.now);
  }
  bench.pass(5 * kSecond, kA);
  CHECK(bench.told.count(What::SentinelDeaf) == 3);
  CHECK(bench.told.count(What::MajorityLost) == 0);
  CHECK(bench[0].listens.connects >= 3);
}

TEST_CASE("a sentinel that answers once and hangs up is not connected to without end") {
  Settled bench;
  const int before = bench[0].asks.connects;
  const Mono until = after(bench.now, 20 * kSecond);
  while (bench.now < until) {
    bench.pass(1000, kA);
    bench[0].asking->connected(bench.now);
    bench.turn();
    if (bench[0].is_asked()) bench[0].names(kA);
    bench[0].asking->closed("hung up", bench.now);
  }
  CHECK(bench[0].asks.connects - before <= 25);
  CHECK(bench[0].asks.connects - before >= 10);
}

TEST_CASE("nothing is told of connections once it is stopped") {
  Settled bench;
  bench.topology.stop();
  const auto events = bench.told.events.size();
  for (std::size_t s = 0; s < 3; ++s) {
    CHECK_FALSE(bench[s].asks.open);
    bench[s].asking->closed("late", bench.now);
    bench[s].listening->heard(bench.now);
  }
  bench.topology.left(bench.now);
  CHECK(bench.topology.next_turn() == kNever);
  bench.pass_silently(5 * kSecond);
  CHECK(bench.told.events.size() == events);
}
