// What a host gives out by itself while the store is away.
#include "daemon/core/local_shares.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr Window kFirst{0, 1000}, kSecond{1000, 2000};

}  // namespace

TEST_CASE("a host gives out its part of a window, whole costs alone") {
  LocalShares shares;
  CHECK(shares.left("a", 5) == 5);
  CHECK(shares.take("a", kFirst, 5, 3));
  CHECK_FALSE(shares.take("a", kFirst, 5, 3));
  CHECK(shares.take("a", kFirst, 5, 2));
  CHECK_FALSE(shares.take("a", kFirst, 5, 1));
  CHECK(shares.left("a", 5) == 0);
  CHECK(shares.take("b", kFirst, 1, 1));
  CHECK_FALSE(shares.take("c", kFirst, 0, 1));
  CHECK_FALSE(shares.take("c", kFirst, -3, 1));
  CHECK(shares.left("c", -3) == 0);
}

TEST_CASE("of too many counters nobody gets anything until windows of others are over") {
  LocalShares shares;
  for (int i = 0; i < 65'536; ++i) REQUIRE(shares.take(std::to_string(i), kFirst, 2, 1));
  CHECK_FALSE(shares.take("one more", kFirst, 2, 1));
  CHECK(shares.take("7", kFirst, 2, 1));
  CHECK(shares.take("one more", kSecond, 2, 1));
}

TEST_CASE("of too many buckets nobody gets anything of a new one until others are full") {
  LocalShares shares;
  BucketAsked part;
  part.rate = {1, 1000};
  part.burst = 2;
  std::int64_t left = 0;
  constexpr StoreTime kFrom{1'000'000};
  constexpr StoreTime kLater{kFrom.us + 1000};
  for (int i = 0; i < 65'536; ++i) {
    REQUIRE_FALSE(shares.take_from_bucket(std::to_string(i), part, 1, kFrom, left));
  }
  CHECK_FALSE(shares.take_from_bucket("one more", part, 1, kLater, left));
  CHECK(shares.take_from_bucket("7", part, 1, kLater, left));
  CHECK(left == 0);
  // It begins empty, whenever that is.
  CHECK_FALSE(shares.take_from_bucket("one more", part, 1, {kFrom.us + 2000}, left));
  CHECK(shares.take_from_bucket("one more", part, 1, {kFrom.us + 3000}, left));
}
