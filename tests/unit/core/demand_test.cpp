#include "daemon/core/demand.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
constexpr std::int64_t kBucket = 100'000;
constexpr Mono at(std::int64_t us) { return Mono{5'000'000'000 + us}; }
}  // namespace

TEST_CASE("nothing was spent at first") {
  Demand demand;
  CHECK(demand.lately(at(0), kBucket) == 0);
  CHECK(demand.rate(at(0), kBucket) == 0);
}

TEST_CASE("the first bucket's rate is over the time it has had, a millisecond at least") {
  Demand demand;
  demand.spent(at(0), 10, kBucket);
  CHECK(demand.rate(at(0), kBucket) == 10'000);
  CHECK(demand.rate(at(50'000), kBucket) == 200);
}

TEST_CASE("the rate before is that of the whole bucket before this one") {
  Demand demand;
  CHECK(demand.rate_before(at(0), kBucket) == 0);
  demand.spent(at(0), 10, kBucket);
  CHECK(demand.rate_before(at(50'000), kBucket) == 0);
  CHECK(demand.rate_before(at(110'000), kBucket) == 100);
  CHECK(demand.rate_before(at(210'000), kBucket) == 0);
}

TEST_CASE("what was spent slides out of the rate, and out of lately") {
  Demand demand;
  demand.spent(at(0), 100, kBucket);
  demand.spent(at(120'000), 10, kBucket);
  CHECK(demand.lately(at(120'000), kBucket) == 110);
  CHECK(demand.rate(at(150'000), kBucket) == (50 + 10) * 10);
  CHECK(demand.lately(at(210'000), kBucket) == 10);
  CHECK(demand.lately(at(500'000), kBucket) == 0);
  CHECK(demand.rate(at(500'000), kBucket) == 0);
}
