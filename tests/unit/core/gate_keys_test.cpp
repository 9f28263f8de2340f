// Rules for keys, shadow limits, and what comes near a limit, through the gate.
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/core/gate_bench.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

KeyRule limited(std::string pattern, std::int64_t permits) {
  KeyRule rule;
  rule.pattern = std::move(pattern);
  rule.permits = permits;
  return rule;
}
KeyRule uncounted(std::string pattern, KeyRuleKind kind) {
  KeyRule rule;
  rule.pattern = std::move(pattern);
  rule.kind = kind;
  return rule;
}

Limit plain(std::int64_t permits, Mode mode = Mode::Auto) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.declared = false;
  limit.mode = mode;
  return limit;
}

// A limit of the table, and a gate that decides by it.
struct Ruled {
  explicit Ruled(const Limit& limit) { configure(limit); }
  Ruled(Limit limit, std::vector<KeyRule> rules) {
    limit.key_rules = std::make_shared<const KeyRules>(std::move(rules));
    configure(limit);
  }
  void configure(const Limit& limit) {
    if (table.configure({limit}, 0).dropped) bench.gate.drop_limits(bench.now);
    use = table.configured("api");
  }
  // What is decided in the end.
  Decision decide(std::string_view key, std::int64_t cost = 1) {
    const CheckResult result = bench.check(use, key, cost);
    if (!result.waits) return result.decision;
    for (auto all = bench.asked(); !all.empty(); all = bench.asked()) {
      for (const Reservation& request : all) bench.reply(request);
    }
    const std::vector<Answer> answers = bench.answers();
    REQUIRE(answers.size() == 1);
    REQUIRE(answers[0].verdict == Verdict::Decided);
    return answers[0].decision;
  }
  std::int64_t allowed(std::string_view key, int times) {
    std::int64_t count = 0;
    for (int i = 0; i < times; ++i) count += decide(key).allowed ? 1 : 0;
    return count;
  }

  Bench bench;
  LimitTable table{4};
  LimitUsePtr use;
};

}  // namespace

TEST_CASE("each key is held to the number of its rule, or of the limit") {
  for (const Mode mode : {Mode::Exact, Mode::Lease}) {
    for (const Algorithm* algorithm : kAlgorithms) {
      for (const std::int64_t spread : {1, 3}) {
        if (spread > 1 && !algorithm->has_windows) continue;
        Limit limit = plain(20, mode);
        limit.algorithm = algorithm;
        limit.spread = spread;
        if (!algorithm->has_windows) limit.redis_key = *KeyTemplate::parse(kBucketRedisKey);
        Ruled ruled(limit, {limited("more", 50), limited("few-*", 5)});
        CHECK(ruled.allowed("other", 100) == 20);
        CHECK(ruled.allowed("more", 100) == 50);
        CHECK(ruled.allowed("few-1", 100) == 5);
        CHECK(ruled.allowed("few-2", 100) == 5);
        CHECK(ruled.decide("more").limit == 50);
        CHECK(ruled.decide("few-1").limit == 5);
        CHECK(ruled.decide("other").limit == 20);
        CHECK(ruled.decide("more", 51).reason == Reason::NeverFits);
        CHECK(ruled.decide("few-1", 6).reason == Reason::NeverFits);
        CHECK(ruled.decide("other", 21).reason == Reason::NeverFits);
        CHECK(ruled.use->in_all(&LimitTally::allowed) == 80);
        check_books(ruled.bench.gate);
      }
    }
  }
}

TEST_CASE("a key that is blocked or unlimited is in no counter") {
  Ruled ruled(plain(20), {uncounted("bot-*", KeyRuleKind::Blocked),
                          uncounted("10.*", KeyRuleKind::Unlimited)});
  for (int i = 0; i < 100; ++i) {
    const CheckResult blocked = ruled.bench.check(ruled.use, "bot-1", 30);
    REQUIRE_FALSE(blocked.waits);
    CHECK_FALSE(blocked.decision.allowed);
    CHECK(blocked.decision.reason == Reason::Blocked);
    CHECK((blocked.decision.limit == 0 && blocked.decision.remaining == 0));
    CHECK((blocked.decision.retry_after_ms == -1 && blocked.decision.receipt == 0));
    const CheckResult unlimited = ruled.bench.check(ruled.use, "10.1", 30);
    REQUIRE_FALSE(unlimited.waits);
    CHECK(unlimited.decision.allowed);
    CHECK(unlimited.decision.reason == Reason::Unlimited);
    CHECK((unlimited.decision.limit == -1 && unlimited.decision.remaining == -1));
    CHECK((unlimited.decision.retry_after_ms == 0 && unlimited.decision.receipt == 0));
  }
  CHECK(ruled.bench.asked().empty());
  CHECK(ruled.bench.gate.stats().blocked == 100);
  CHECK(ruled.bench.gate.stats().unlimited == 100);
  CHECK((ruled.use->tally->allowed == 100 && ruled.use->tally->denied == 100));
  CHECK(ruled.bench.gate.settle({ruled.use, "10.1", 5, 1, 0}, ruled.bench.now) == 0);
  CHECK(ruled.bench.gate.settle({ruled.use, "bot-1", 1, 5, 0}, ruled.bench.now) == 0);
}

TEST_CASE("rules decide while the store is away and the clock is not known") {
  Ruled ruled(plain(20),
              {uncounted("no", KeyRuleKind::Blocked), uncounted("yes", KeyRuleKind::Unlimited)});
  ruled.bench.gate.store_away({0}, ruled.bench.now);
  CHECK(ruled.decide("no").reason == Reason::Blocked);
  CHECK(ruled.decide("yes").reason == Reason::Unlimited);
  CHECK(ruled.decide("other").reason == Reason::StoreAway);
}

TEST_CASE("a share of a limit is a share of the rule's number") {
  for (const Algorithm* algorithm : kAlgorithms) {
    Limit limit = plain(20);
    limit.algorithm = algorithm;
    if (!algorithm->has_windows) limit.redis_key = *KeyTemplate::parse(kBucketRedisKey);
    limit.on_store_down = OnStoreDown::Share;
    limit.share = {1, 2};
    Ruled ruled(limit, {limited("more", 50)});
    ruled.bench.gate.store_away({0}, ruled.bench.now);
    // A bucket begins empty, and fills as time passes.
    ruled.decide("more");
    ruled.decide("other");
    ruled.bench.now.us += 10'000'000;
    CHECK(ruled.allowed("more", 100) == 25);
    CHECK(ruled.allowed("other", 100) == 10);
  }
}

TEST_CASE("a rule that a reload changes takes effect for counters that are there") {
  const auto with = [](std::vector<KeyRule> rules) {
    Limit limit = plain(20, Mode::Exact);
    limit.key_rules = std::make_shared<const KeyRules>(std::move(rules));
    return limit;
  };
  Ruled ruled(with({limited("a", 5)}));
  CHECK(ruled.allowed("a", 9) == 5);
  ruled.configure(with({limited("a", 8)}));
  CHECK(ruled.allowed("a", 9) == 3);  // the store's counter goes on
  ruled.configure(with({uncounted("a", KeyRuleKind::Blocked)}));
  CHECK(ruled.decide("a").reason == Reason::Blocked);
  ruled.configure(with({limited("b", 1)}));
  CHECK(ruled.allowed("a", 30) == 12);
  ruled.configure(plain(30, Mode::Exact));
  CHECK(ruled.allowed("a", 30) == 10);
}

TEST_CASE("copies of a check are decided by the key's rule, too") {
  Ruled ruled(plain(40, Mode::Lease), {limited("k", 30), uncounted("u", KeyRuleKind::Unlimited)});
  Decision decision = ruled.decide("k");
  std::int64_t allowed = 1;
  while (decision.allowed) {
    allowed += ruled.bench.repeat(ruled.use, 1, decision, 7);
    decision = ruled.decide("k");
    allowed += decision.allowed ? 1 : 0;
  }
  CHECK(allowed == 30);
  CHECK(ruled.bench.repeat(ruled.use, 1, decision, 7) == 7);
  CHECK(ruled.use->tally->denied == 8);
  const Decision passed = ruled.decide("u");
  CHECK(ruled.bench.gate.repeat({ruled.use, "u", 1}, passed, 9, ruled.bench.now) == 9);
  CHECK(ruled.bench.gate.stats().unlimited == 10);
  check_books(ruled.bench.gate);
}

TEST_CASE("permits of a key with a rule are given back to it") {
  for (const std::int64_t spread : {1, 2}) {
    Limit limit = plain(20, Mode::Lease);
    limit.spread = spread;
    Ruled ruled(limit, {limited("k", 40)});
    const Decision taken = ruled.decide("k", 15);
    REQUIRE(taken.allowed);
    CHECK(ruled.bench.gate.settle({ruled.use, "k", 15, 5, taken.receipt}, ruled.bench.now) == 10);
    CHECK(ruled.allowed("k", 100) == 35);
    check_books(ruled.bench.gate);
  }
}

// ---- Shadow ---------------------------------------------------------------------------------

TEST_CASE("a shadow limit counts up to the limit, and allows what it would deny") {
  for (const Mode mode : {Mode::Exact, Mode::Lease}) {
    for (const std::int64_t spread : {1, 3}) {
      Limit limit = plain(20, mode);
      limit.shadow = true;
      limit.spread = spread;
      Ruled ruled(limit);
      std::int64_t counted = 0;
      for (int i = 0; i < 50; ++i) {
        const Decision decision = ruled.decide("k");
        REQUIRE(decision.allowed);
        CHECK(decision.shadow == (decision.reason == Reason::OverLimit));
        CHECK(decision.retry_after_ms == 0);
        counted += decision.shadow ? 0 : 1;
      }
      CHECK(counted == 20);
      CHECK(ruled.decide("k", 21).reason == Reason::NeverFits);
      CHECK(ruled.bench.gate.stats().shadow_denied == 31);
      CHECK(ruled.bench.gate.stats().denied == 0);
      CHECK(ruled.use->in_all(&LimitTally::shadow_denied) == 31);
      CHECK(ruled.use->in_all(&LimitTally::allowed) == 20);
      CHECK(ruled.bench.gate.books().totals().spent == 20);
      check_books(ruled.bench.gate);
    }
  }
}

TEST_CASE("copies of a check that a shadow limit would deny are counted as such") {
  Limit limit = plain(1);
  limit.shadow = true;
  Ruled ruled(limit);
  ruled.decide("k");
  const Decision over = ruled.decide("k");
  REQUIRE(over.shadow);
  CHECK(ruled.bench.repeat(ruled.use, 1, over, 7) == 7);
  CHECK(ruled.use->tally->shadow_denied == 8);
  CHECK(ruled.bench.gate.books().totals().spent == 1);
}

TEST_CASE("a shadow limit allows while the store is away, and keys that are blocked") {
  for (const OnStoreDown policy : {OnStoreDown::Deny, OnStoreDown::Error, OnStoreDown::Share}) {
    Limit limit = plain(20);
    limit.shadow = true;
    limit.on_store_down = policy;
    Ruled ruled(limit, {uncounted("bot", KeyRuleKind::Blocked)});
    ruled.bench.gate.store_away({0}, ruled.bench.now);
    const Decision away = ruled.decide("k");
    CHECK((away.allowed && away.shadow && away.reason == Reason::StoreAway));
    const Decision blocked = ruled.decide("bot");
    CHECK((blocked.allowed && blocked.shadow && blocked.reason == Reason::Blocked));
    CHECK(ruled.bench.gate.stats().shadow_denied == 2);
    CHECK(ruled.bench.gate.stats().store_down_errors == 0);
  }
}

TEST_CASE("a look at a shadow limit says what a check would get, and is counted nowhere") {
  Limit limit = plain(1);
  limit.shadow = true;
  Ruled ruled(limit);
  ruled.decide("k");
  ruled.decide("k");
  const CheckResult look = ruled.bench.gate.check({ruled.use, "k", Ask::look(1)}, ruled.bench.now);
  CHECK((look.decision.allowed && look.decision.shadow));
  CHECK(ruled.use->tally->shadow_denied == 1);
}

// ---- Near -----------------------------------------------------------------------------------

TEST_CASE("a check comes near the limit where little of it is left") {
  for (const Mode mode : {Mode::Exact, Mode::Lease}) {
    Limit limit = plain(100, mode);
    Ruled ruled(limit);
    for (int i = 1; i <= 100; ++i) {
      const Decision decision = ruled.decide("k");
      INFO(i << " " << decision.remaining);
      REQUIRE(decision.allowed);
      CHECK(decision.near == (decision.remaining <= 20));
    }
    CHECK(ruled.decide("k").near);
    // Denied ones are counted as denied.
    CHECK(ruled.use->tally->near == ruled.bench.gate.stats().near);
    CHECK(ruled.bench.gate.stats().near == 21);
  }
}

TEST_CASE("how near is near can be said, and of a bucket it is of the burst") {
  Limit limit = plain(100, Mode::Exact);
  limit.near_ppm = 950'000;
  CHECK(near_left(limit) == 5);
  limit.near_ppm = kWholePpm;
  CHECK(near_left(limit) == 0);
  limit.algorithm = &kTokenBucket;
  limit.burst = 1000;
  limit.near_ppm = kNearPpm;
  CHECK(near_left(limit) == 200);
  limit.permits = kMaxPermits;
  limit.burst = kMaxPermits;
  CHECK(near_left(limit) == kMaxPermits / 5);
  limit.kind = KeyRuleKind::Blocked;
  CHECK(near_left(limit) < 0);
}

TEST_CASE("of copies of a check those are near that are told so little is left") {
  Limit limit = plain(100, Mode::Lease);
  for (const std::int64_t cost : {1, 3}) {
    Ruled ruled(limit);
    std::int64_t near = 0;
    std::int64_t checks = 0;
    for (Decision decision = ruled.decide("k", cost); decision.allowed;
         decision = ruled.decide("k", cost)) {
      const std::int64_t more = ruled.bench.repeat(ruled.use, cost, decision, 10);
      checks += 1 + more;
      for (std::int64_t i = 0; i <= more; ++i) near += decision.remaining - i * cost <= 20 ? 1 : 0;
    }
    CHECK(checks == 100 / cost);
    CHECK(ruled.use->tally->near == static_cast<std::uint64_t>(near));
    CHECK(near > 0);
  }
}
