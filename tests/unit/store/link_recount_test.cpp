// Hearing of a loss, and telling what is known of counters that were lost: the link's part in it.
#include "tests/unit/catch.hpp"
#include "tests/unit/store/one_link.hpp"

using namespace rategate;

namespace {

LimitUsePtr of_an_hour(std::optional<OnStoreLost> policy = std::nullopt) {
  Limit limit = declared_limit("long", {10, 3'600'000}, true);
  limit.on_store_lost = policy;
  limit.mode = Mode::Exact;
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

// One permit is taken, and then nothing happens for so long.
void take_and_wait(OneLink& bench, const LimitUsePtr& use, std::int64_t us) {
  bench.greet();
  bench.check(use, "k");
  bench.pass(0);
  bench.transport.answer_all(bench.link);
  REQUIRE(bench.answers().size() == 1);
  bench.pass(us);
}

}  // namespace

TEST_CASE("who knows of a window that is to be counted on hears of a loss without asking") {
  OneLink bench;
  take_and_wait(bench, of_an_hour(), 1'000'000);
  CHECK(bench.transport.calls.empty());
  CHECK(bench.driver.next_turn() == after(bench.transport.now, 1'000'000));
  bench.pass(1'000'000);
  REQUIRE(bench.calls(Call::Kind::Record) == 1);
  bench.transport.answer_all(bench.link);
  CHECK(bench.link.state() == Link::State::Up);

  bench.pass(2'000'000);
  bench.transport.reign = "first 9 other";
  bench.transport.answer_all(bench.link);
  CHECK(bench.link.state() != Link::State::Up);
}

TEST_CASE("who knows of none lets the store alone") {
  OneLink bench;
  take_and_wait(bench, of_an_hour(OnStoreLost::Deny), 10'000'000);
  CHECK(bench.transport.calls.empty());
}

TEST_CASE("what is known of a lost window is told when the store is greeted") {
  OneLink bench;
  take_and_wait(bench, of_an_hour(), 1'500'000);
  bench.transport.reign = "first 1700000001000000 other";
  bench.transport.since = {kStart + bench.transport.now.us};
  bench.link.closed("gone", bench.transport.now);
  bench.greet();
  bench.pass(0);
  REQUIRE(bench.calls(Call::Kind::Recount) == 1);
  const Call& call = bench.transport.calls.front();
  REQUIRE(call.recounts.size() == 1);
  CHECK(call.recounts[0].known == 1);
  CHECK(call.reign == bench.transport.reign);

  SECTION("a store that takes nothing now is told again after a while") {
    bench.transport.refuse(bench.link, "OOM command not allowed when used memory > 'maxmemory'.");
    CHECK(bench.told.has(StoreEvent::What::Refuses));
    bench.pass(100'000);
    CHECK(bench.calls(Call::Kind::Recount) == 0);
    bench.pass(100'000);
    CHECK(bench.calls(Call::Kind::Recount) == 1);
  }
  SECTION("who may not touch the base is told so, and the limit is not asked for") {
    bench.transport.refuse(bench.link, "NOPERM this user has no permissions to access a key");
    CHECK(bench.told.has(StoreEvent::What::LimitRefused));
    bench.pass(1'000'000);
    CHECK(bench.calls(Call::Kind::Recount) == 0);
  }
  SECTION("what a lost connection leaves open is told again") {
    bench.link.closed("gone", bench.transport.now);
    bench.pass(1'000'000);
    bench.greet();
    bench.pass(0);
    CHECK(bench.calls(Call::Kind::Recount) == 1);
  }
}
