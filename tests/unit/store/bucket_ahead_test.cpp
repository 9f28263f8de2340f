// What a link tells of a token bucket that was taken from by a clock ahead of the store's.
#include <string_view>

#include "tests/unit/catch.hpp"
#include "tests/unit/store/one_link.hpp"

using namespace rategate;
using What = StoreEvent::What;

namespace {

LimitUsePtr exact_bucket() {
  Limit limit = declared_limit("api", {5, 1000}, true);
  limit.algorithm = &kTokenBucket;
  limit.mode = Mode::Exact;
  limit.redis_key = *KeyTemplate::parse(kBucketRedisKey);
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

}  // namespace

TEST_CASE("a bucket that denies because it is of a clock that was ahead is told of") {
  OneLink one;
  one.greet();
  const auto use = exact_bucket();
  const auto check = [&](std::string_view key, std::int64_t ahead_us) {
    REQUIRE(one.check(use, key).waits);
    one.pass(0);
    REQUIRE(one.reservations() == 1);
    const Reservation asked = one.transport.calls.front().reservations.front();
    if (ahead_us > 0) {
      const StoreTime then{one.transport.now.us + one.transport.offset_us + ahead_us};
      REQUIRE(one.transport.counters.reserve(asked, then).granted.front() == 1);
    }
    one.transport.answer_all(one.link);
    return one.answers().front().decision.allowed;
  };
  CHECK(check("a", 0));
  CHECK_FALSE(check("b", 5'000'000));
  CHECK_FALSE(one.told.has(What::BucketAhead));
  CHECK_FALSE(check("c", 3'600'000'000));
  CHECK(one.told.has(What::BucketAhead));
}
