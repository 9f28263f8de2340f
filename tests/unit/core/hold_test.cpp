// What a host may use of what it holds, and what the store grants.
#include "daemon/core/hold.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kTtlMs = 1000;

ClockReading reading(std::int64_t earliest_us, std::int64_t latest_us) {
  ClockReading now;
  now.earliest = {earliest_us};
  now.latest = {latest_us};
  return now;
}

HoldAsked asked_by(const char* host, std::int64_t sequence, std::int64_t wanted,
                   std::int64_t used = 0, std::int64_t kept = 0) {
  HoldAsked asked;
  asked.host = host;
  asked.sequence = sequence;
  asked.limit = 10;
  asked.ttl_ms = kTtlMs;
  asked.used = used;
  asked.kept = kept;
  asked.wanted = wanted;
  return asked;
}

}  // namespace

TEST_CASE("a hold is good until its end, by the latest that it may be") {
  Hold hold;
  CHECK_FALSE(hold.is_good(reading(0, 0)));
  hold.ask({1, 0, 5}, reading(0, 0));
  REQUIRE(hold.answered(1, {HoldAnswer::Status::Holds, {}, 5, 0, {1000}}));
  CHECK(hold.usable() == 5);
  CHECK(hold.is_good(reading(900, 999)));
  CHECK_FALSE(hold.is_good(reading(900, 1000)));
  CHECK_FALSE(hold.is_good(std::nullopt));
}

TEST_CASE("from the ask on no more is used than was asked for, and nothing of what is over") {
  Hold hold;
  hold.ask({1, 0, 5}, reading(0, 0));
  hold.answered(1, {HoldAnswer::Status::Holds, {}, 5, 0, {1000}});
  CHECK(hold.ask({2, 1, 3}, reading(0, 500)).kept == 3);
  CHECK(hold.usable() == 3);
  CHECK(hold.held() == 5);  // as the store has it until then
  // The answer is lost, and the next call is made when the hold is over.
  hold.lose();
  CHECK(hold.ask({3, 1, 4}, reading(0, 1500)).kept == 0);
  CHECK(hold.usable() == 0);
}

TEST_CASE("only the answer to the last call counts") {
  Hold hold;
  hold.ask({1, 0, 9}, reading(0, 0));
  hold.lose();
  hold.ask({2, 0, 2}, reading(0, 0));
  CHECK_FALSE(hold.answered(1, {HoldAnswer::Status::Holds, {}, 9, 0, {1000}}));
  CHECK(hold.usable() == 0);
  CHECK(hold.answered(2, {HoldAnswer::Status::Holds, {}, 2, 0, {1000}}));
  CHECK(hold.usable() == 2);
}

TEST_CASE("hosts get what the others leave, and what they use in any case") {
  HoldRecord record;
  CHECK(record.hold(asked_by("a", 1, 7), {0}).held == 7);
  CHECK(record.hold(asked_by("b", 1, 7), {0}).held == 3);
  CHECK(record.hold(asked_by("c", 1, 7, 4), {0}).held == 4);
  CHECK(record.hold(asked_by("a", 2, 1, 1, 1), {0}).held == 1);
  const HoldAnswer more = record.hold(asked_by("b", 2, 7), {0});
  CHECK((more.held == 5 && more.others == 5));
}

TEST_CASE("a late call does nothing, also when the hold has ended") {
  HoldRecord record;
  record.hold(asked_by("a", 5, 7), {0});
  CHECK(record.hold(asked_by("a", 5, 1), {0}).status == HoldAnswer::Status::Late);
  CHECK(record.hold(asked_by("a", 4, 9), {kTtlMs * 1500}).status == HoldAnswer::Status::Late);
  CHECK(record.hold(asked_by("b", 1, 9), {kTtlMs * 1500}).held == 9);
  // Nobody remembers it for ever.
  CHECK(record.hold(asked_by("a", 4, 9), {kTtlMs * 2000}).held == 1);
}

TEST_CASE("who believes to hold what the store does not know gets what he uses") {
  HoldRecord record;
  CHECK(record.hold(asked_by("a", 1, 9, 3, 5), {0}).held == 3);
  CHECK(record.hold(asked_by("a", 2, 9, 3, 3), {0}).held == 9);
}

TEST_CASE("who needs more is told of for a second, with what the least of them holds") {
  HoldRecord record;
  record.hold(asked_by("a", 1, 8), {0});
  record.hold(asked_by("b", 1, 5), {0});  // gets 2
  record.hold(asked_by("c", 1, 1), {0});  // gets nothing
  HoldAnswer told = record.hold(asked_by("a", 2, 8, 8, 8), {500'000});
  CHECK((told.sharing == 2 && told.least == 0));
  told = record.hold(asked_by("c", 2, 0), {500'000});
  CHECK((told.sharing == 2 && told.least == 2));
  // a and b have asked too long ago, and b's hold is over a little later.
  told = record.hold(asked_by("a", 3, 8, 8, 8), {999'000});
  CHECK((told.sharing == 1 && told.least == 2));
  told = record.hold(asked_by("a", 4, 8, 8, 8), {1'000'000});
  CHECK((told.sharing == 0 && told.least == -1));
}
