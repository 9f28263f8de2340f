// Keys that are blocked after a denial: what sets a block, what it denies, and when that ends.
#include <array>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "daemon/limit/key_uses.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/core/bucket_bench.hpp"

namespace rategate::test {
namespace {

constexpr std::int64_t kBlockMs = 60'000;
constexpr std::int64_t kSecondUs = 1'000'000;

Limit blocking(std::int64_t permits, const Algorithm* algorithm = &kFixedWindow,
               Mode mode = Mode::Exact) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.declared = false;
  limit.algorithm = algorithm;
  limit.mode = mode;
  limit.block_for_ms = kBlockMs;
  if (algorithm == &kTokenBucket) limit.redis_key = *KeyTemplate::parse(kBucketRedisKey);
  if (algorithm == &kSlidingWindow) limit.redis_key = *KeyTemplate::parse(kLogRedisKey);
  return limit;
}
LimitUsePtr in_use(Limit limit) { return make_limit_use(std::move(limit), 0, 0); }

struct Blocking : Bench {
  LimitUsePtr use;
  explicit Blocking(Limit limit) : use(in_use(std::move(limit))) {}

  Decision take(std::int64_t cost = 1) { return served(*this, use, cost); }
  // Until one is denied, which sets the block.
  Decision use_up() {
    Decision last = take();
    for (int i = 0; i < 1000 && last.allowed; ++i) last = take();
    REQUIRE_FALSE(last.allowed);
    return last;
  }
  void pass(std::int64_t us) {
    now = after(now, us);
    measure();
  }
  // What it says without the store.
  Decision here() {
    const CheckResult result = check(use);
    REQUIRE_FALSE(result.waits);
    return result.decision;
  }
};

}  // namespace

TEST_CASE("the first denial for lack of permits blocks the key, whatever comes back meanwhile") {
  for (const Algorithm* algorithm : kAlgorithms) {
    for (const Mode mode : {Mode::Exact, Mode::Lease}) {
      Blocking b(blocking(5, algorithm, mode));
      const Decision first = b.use_up();
      CHECK(first.reason == Reason::OverLimit);
      CHECK((first.retry_after_ms >= kBlockMs && first.retry_after_ms < kBlockMs + 1000));
      const Mono set = b.now;
      CHECK(b.here().reason == Reason::Blocked);
      for (const std::int64_t seconds : {1, 5, 30, 58}) {
        b.pass(set.us + seconds * kSecondUs - b.now.us);
        const Decision later = b.take();
        CHECK_FALSE(later.allowed);
        CHECK(later.reason == Reason::Blocked);
        CHECK(later.limit == 5);
        CHECK(later.remaining == 0);
        const std::int64_t rest_ms = kBlockMs - seconds * 1000;
        CHECK((later.retry_after_ms >= rest_ms && later.retry_after_ms < rest_ms + 1000));
      }
      b.pass(set.us + kBlockMs * 1000 + 1000 - b.now.us);
      CHECK(b.take().allowed);
      check_books(b.gate);
    }
  }
}

TEST_CASE("nothing of such a limit is denied in place before the store has, and once for many") {
  Blocking b(blocking(5));
  for (int i = 0; i < 5; ++i) CHECK(b.take().allowed);
  for (int i = 0; i < 100; ++i) CHECK(b.check(b.use).waits);
  const auto asked = b.asked();
  REQUIRE(asked.size() == 1);
  for (int i = 0; i < 100; ++i) CHECK(b.check(b.use).waits);
  CHECK(b.asked().empty());  // one call at a time
  b.reply(asked.front());
  CHECK(b.asked().empty());
  const auto answers = b.answers();
  CHECK(answers.size() == 200);
  int blocked = 0;
  for (const Answer& answer : answers) blocked += answer.decision.reason == Reason::Blocked;
  CHECK(blocked == 100);
  CHECK(b.gate.stats().blocks_set == 1);
  CHECK(b.gate.stats().blocked == 100);
}

TEST_CASE("what blocks no key") {
  Blocking b(blocking(5));
  CHECK(b.take(6).reason == Reason::NeverFits);
  for (int i = 0; i < 5; ++i) CHECK(b.take().allowed);
  const CheckResult looked = b.gate.check({b.use, "k", Ask::look(1), 7}, b.now);
  REQUIRE(looked.waits);
  b.serve();
  CHECK_FALSE(b.answers().front().decision.allowed);
  b.pass(kSecondUs);
  CHECK(b.take().allowed);
  b.gate.store_away({0}, b.now);
  CHECK(b.here().reason == Reason::StoreAway);
  b.up();
  CHECK(b.take().allowed);

  Limit tried = blocking(5);
  tried.shadow = true;
  Blocking shadow(tried);
  CHECK_FALSE(shadow.use->blocks);
  for (int i = 0; i < 20; ++i) CHECK(shadow.take().allowed);
}

TEST_CASE("a block that is known stands while the store is away, whatever the policy") {
  for (const OnStoreDown policy :
       {OnStoreDown::Deny, OnStoreDown::Allow, OnStoreDown::Error, OnStoreDown::Share}) {
    Limit limit = blocking(5);
    limit.on_store_down = policy;
    Blocking b(limit);
    b.use_up();
    const Mono set = b.now;
    b.gate.store_away({0}, b.now);
    for (const std::int64_t seconds : {1, 10, 50}) {
      b.now = after(set, seconds * kSecondUs);
      const CheckResult result = b.check(b.use);
      REQUIRE_FALSE(result.waits);
      CHECK(result.verdict == Verdict::Decided);
      CHECK(result.decision.reason == Reason::Blocked);
    }
    b.now = after(set, kBlockMs * 1000 + kSecondUs);
    CHECK(b.check(b.use).decision.reason != Reason::Blocked);
  }
}

TEST_CASE("who asks again whether it stands is told so, less and less often") {
  Blocking b(blocking(5));
  b.use_up();
  std::vector<std::int64_t> asked_at;
  const Mono set = b.now;
  for (std::int64_t ms = 0; ms < 59'000; ms += 50) {
    b.now = after(set, ms * 1000);
    b.measure();
    if (!b.check(b.use).waits) continue;
    asked_at.push_back(ms);
    b.serve();
    for (const Answer& answer : b.answers()) {
      CHECK(answer.decision.reason == Reason::Blocked);
      CHECK(answer.decision.by == DecidedBy::Store);
    }
  }
  REQUIRE(asked_at.size() >= 3);
  CHECK(asked_at.size() <= 8);
  CHECK((asked_at.front() >= 1000 && asked_at.front() <= 2050));
}

TEST_CASE("another host hears of it, and of a CLEAR") {
  for (const Algorithm* algorithm : kAlgorithms) {
    Blocking here(blocking(5, algorithm));
    Blocking there(blocking(5, algorithm));
    const auto ask = [&](Blocking& at) {
      const CheckResult result = at.check(at.use);
      if (!result.waits) return result.decision;
      for (const Reservation& request : at.asked()) {
        at.gate.answered(request.id, here.store.reserve(request, at.store_time()), at.now);
      }
      at.answer_clears(here.store);
      const auto answers = at.answers();
      REQUIRE(answers.size() == 1);
      return answers.front().decision;
    };
    here.use_up();
    CHECK(ask(there).reason == Reason::Blocked);
    CHECK(there.here().reason == Reason::Blocked);
    here.gate.clear({here.use, "k", 9}, here.now);
    here.answer_clears(here.store);
    REQUIRE(here.gate.cleared().size() == 1);
    CHECK(ask(here).allowed);
    there.now = after(there.now, 2 * kSecondUs);
    there.measure();
    CHECK(ask(there).allowed);
  }
}

TEST_CASE("a CLEAR lifts a block whose window is over, and has no counter any more") {
  Blocking b(blocking(5));
  b.use_up();
  b.pass(1500'000);
  b.gate.clear({b.use, "k", 9}, b.now);
  b.answer_clears(b.store);
  REQUIRE(b.gate.cleared().size() == 1);
  CHECK(b.gate.cleared().front().why_not.empty());
  CHECK(b.take().allowed);
}

TEST_CASE("permits in hand are put towards the cost, so that none is refused for want of them") {
  Blocking b(blocking(100, &kFixedWindow, Mode::Lease));
  std::int64_t taken = 0;
  while (b.gate.counted() == 0) {
    REQUIRE(b.take().allowed);
    REQUIRE(++taken < 100);
  }
  CHECK(b.take(100 - taken).allowed);
  CHECK(b.gate.stats().blocks_set == 0);
  CHECK_FALSE(b.take().allowed);
  CHECK(b.gate.stats().blocks_set == 1);
}

TEST_CASE("nobody waits in ACQUIRE of a limit that blocks keys") {
  Blocking b(blocking(5));
  for (int i = 0; i < 5; ++i) CHECK(b.take().allowed);
  Request request{b.use, "k", 1, 3};
  request.patience = after(b.now, 30 * kSecondUs);
  REQUIRE(b.gate.check(request, b.now).waits);
  b.serve();
  const auto answers = b.answers();
  REQUIRE(answers.size() == 1);
  CHECK(answers.front().decision.reason == Reason::OverLimit);
  CHECK(b.gate.acquiring() == 0);
  CHECK(b.gate.check(request, b.now).decision.reason == Reason::Blocked);
}

TEST_CASE("each window of several has a block of its own, and a check is denied while one stands") {
  Limit limit = blocking(5);
  limit.more.push_back({8, 10'000, nullptr});
  const LimitUsePtr use = in_use(limit);
  Bench b;
  const auto ask = [&] {
    CombinedRequest request;
    request.ticket = ++b.tickets;
    for (const LimitUsePtr& window : use->windows) request.members.push_back({window, "k", 1, 0});
    const CheckResult result = b.gate.check_combined(std::move(request), b.now);
    for (int round = 0; result.waits && round < 4 && b.gate.answers().empty(); ++round) b.serve();
    return result.waits ? b.answers().front().decision : result.decision;
  };
  for (int i = 0; i < 5; ++i) CHECK(ask().allowed);
  CHECK(ask().reason == Reason::OverLimit);
  b.now = after(b.now, 1500'000);
  b.measure();
  CHECK(ask().reason == Reason::Blocked);
}

TEST_CASE("many at once are counted as blocked") {
  Blocking b(blocking(5));
  b.use_up();
  const Decision denied = b.here();
  CHECK(b.repeat(b.use, 1, denied, 50) == 50);
  CHECK(b.gate.stats().blocked == 51);
}

TEST_CASE("the block of a key is in no counter's name, and in its slot") {
  for (const char* text : {"rategate:{%n:%k}:%p:%w", "x:{%k:a}:%w:y", "b:{%n}:%k", "%w"}) {
    const CounterNames names(*KeyTemplate::parse(text), "api", 1000);
    const std::string block = names.block_of("k:1");
    CHECK(block.find("block") != block.npos);
    for (const std::int64_t ms : {0, 1000, 1'700'000'000}) CHECK(names.of("k:1", ms) != block);
    const bool has_key = std::string(text).find("%k") != std::string::npos;
    CHECK((names.block_of("k:2") != block) == has_key);
  }
  CHECK(CounterNames(*KeyTemplate::parse(kDefaultRedisKey), "a", 1000).block_of("k") ==
        "rategate:{a:k}:1s:block");
  CHECK(CounterNames(*KeyTemplate::parse(kBucketRedisKey), "a", 1000).block_of("k") ==
        "rategate:{a:k}:gcra:block");
}

namespace {

// Two hosts before one store, whose answers come late, in the order of the questions of each; what
// the store has blocked by the rules of docs/blocking.md is known beside it.
class History {
 public:
  History(const Limit& limit, std::uint64_t seed)
      : random_(seed), hosts_{Host(limit), Host(limit)}, lasts_ms_(limit.block_for_ms) {}

  void step() {
    pass(random_() % 16 == 0 ? random_() % 700'000 : random_() % 4'000);
    Host& host = hosts_[random_() % 2];
    switch (random_() % 8) {
      case 0:
        if (random_() % 20 == 0) clear(host);
        break;
      case 1:
      case 2:
        look(host);
        break;
      case 3:
        answer(host);
        break;
      default:
        ask(host, random_() % 6 == 0 ? 1 + static_cast<std::int64_t>(random_() % 3) : 1);
    }
    for (Reservation& request : host.asked()) host.under_way.push_back({std::move(request), {}});
    hear(host);
  }
  std::int64_t allowed = 0;
  std::int64_t blocked = 0;
  std::int64_t blocks = 0;

 private:
  struct Asked {
    Reservation request;
    std::optional<ReserveAnswer> answer;
  };
  struct Host : Blocking {
    using Blocking::Blocking;
    std::vector<Asked> under_way;
    std::int64_t heard_ms = 0;  // of a block that ends then
  };

  void pass(std::int64_t us) {
    for (Host& host : hosts_) {
      host.pass(us);
      hear(host);
    }
  }
  void hear(Host& host) {
    for (const Answer& each : host.answers()) told(host, each.decision);
  }
  std::int64_t now_ms() const { return hosts_[0].store_time().us / 1000; }
  void ask(Host& host, std::int64_t cost) {
    const CheckResult result = host.check(host.use, "k", cost);
    if (!result.waits) told(host, result.decision);
  }
  // The store looks at the first question that it has not looked at.
  void look(Host& host) {
    for (Asked& asked : host.under_way) {
      if (asked.answer) continue;
      asked.answer = hosts_[0].store.reserve(asked.request, hosts_[0].store_time());
      const ReserveAnswer& answer = *asked.answer;
      REQUIRE(asked.request.block);
      const bool stands = now_ms() < until_ms_;
      REQUIRE((answer.status == ReserveAnswer::Status::Blocked) == stands);
      if (stands) {
        REQUIRE(answer.blocked_until_ms == until_ms_);
      } else if (answer.status == ReserveAnswer::Status::Looked &&
                 refuses_some(asked.request.costs, answer)) {
        until_ms_ = now_ms() + lasts_ms_;
        ++blocks;
        REQUIRE(answer.blocked_until_ms == until_ms_);
      }
      return;
    }
  }
  void answer(Host& host) {
    if (host.under_way.empty() || !host.under_way.front().answer) return;
    const Asked asked = host.under_way.front();
    host.under_way.erase(host.under_way.begin());
    host.gate.answered(asked.request.id, *asked.answer, host.now);
    host.heard_ms = asked.answer->blocked_until_ms;
    hear(host);
  }
  void clear(Host& host) {
    host.gate.clear({host.use, "k", 1}, host.now);
    while (const auto clear = host.gate.take_clear({0})) {
      const ClearAnswer done = hosts_[0].store.clear(*clear, hosts_[0].store_time());
      if (clear->mark != 0 && done.status != ClearAnswer::Status::WindowOver) {
        until_ms_ = host.heard_ms = 0;
      }
      host.gate.clear_answered(*clear, done, host.now);
    }
    host.gate.cleared().clear();
    hear(host);
  }
  void told(const Host& host, const Decision& decision) {
    allowed += decision.allowed ? 1 : 0;
    const bool stands = now_ms() < host.heard_ms;
    if (decision.allowed) REQUIRE_FALSE((stands && decision.by == DecidedBy::Host));
    if (decision.reason == Reason::Blocked && decision.by == DecidedBy::Host) {
      ++blocked;
      REQUIRE(host.store_time().us < host.heard_ms * 1000);
    }
    if (decision.reason == Reason::OverLimit) REQUIRE(decision.by == DecidedBy::Store);
  }

  std::mt19937_64 random_;
  std::array<Host, 2> hosts_;
  std::int64_t lasts_ms_;
  std::int64_t until_ms_ = 0;
};

}  // namespace

TEST_CASE("in any history nothing is granted while a block stands, and none is denied by later") {
  for (const Algorithm* algorithm : kAlgorithms) {
    for (const Mode mode : {Mode::Exact, Mode::Lease}) {
      for (std::uint64_t seed = 0; seed < 5; ++seed) {
        Limit limit = blocking(20, algorithm, mode);
        limit.block_for_ms = 3000;
        History history(limit, seed);
        for (int i = 0; i < 4000; ++i) history.step();
        INFO(algorithm->name << " " << seed);
        CHECK(history.allowed > 100);
        CHECK(history.blocked > 100);
        CHECK(history.blocks > 5);
      }
    }
  }
}

TEST_CASE("no more blocks are known than there is room for") {
  KnownBlocks blocks;
  const Mono now{1};
  for (std::size_t i = 0; i <= KnownBlocks::kMost; ++i) {
    blocks.learn(std::to_string(i), {{}, {}, after(now, 10), {}, 0}, now);
  }
  CHECK(blocks.size() == KnownBlocks::kMost);
  CHECK(blocks.find("0", now) == nullptr);
  CHECK(blocks.find("1", now) != nullptr);
  CHECK(blocks.find("1", after(now, 10)) == nullptr);
  blocks.learn("x", {{}, {}, after(now, 20), {}, 0}, after(now, 10));
  CHECK(blocks.size() == 1);
}

}  // namespace rategate::test
