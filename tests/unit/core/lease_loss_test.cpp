#include "daemon/core/lease_loss.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
constexpr std::int64_t kSliceMs = 62;
constexpr Mono at(std::int64_t ms) { return {5'000'000'000 + ms * 1000}; }
}  // namespace

TEST_CASE("who spends nearly all that is leased goes on leasing") {
  LeaseLoss loss;
  for (std::int64_t i = 0; i < 1000; ++i) {
    loss.over(100, 12, at(i * kSliceMs), kSliceMs);
    REQUIRE(loss.leases(at(i * kSliceMs)));
  }
}

TEST_CASE("who loses more than an eighth of it leases nothing for 64 slices") {
  LeaseLoss loss;
  loss.over(100, 13, at(0), kSliceMs);
  CHECK_FALSE(loss.leases(at(0)));
  CHECK_FALSE(loss.leases(at(64 * kSliceMs - 1)));
  CHECK(loss.leases(at(64 * kSliceMs)));
  // What was before is forgotten then.
  loss.over(100, 12, at(64 * kSliceMs), kSliceMs);
  CHECK(loss.leases(at(64 * kSliceMs)));
}

TEST_CASE("a few permits are no reason to stop") {
  LeaseLoss loss;
  loss.over(4, 4, at(0), kSliceMs);
  CHECK(loss.leases(at(0)));
  loss.over(1, 1, at(0), kSliceMs);
  CHECK_FALSE(loss.leases(at(0)));
}

TEST_CASE("what was lost of late counts, and not what was spent long ago") {
  LeaseLoss loss;
  loss.over(1'000'000, 0, at(0), kSliceMs);
  for (int i = 0; i < 20; ++i) loss.over(0, 0, at(0), kSliceMs);
  loss.over(100, 90, at(0), kSliceMs);
  CHECK_FALSE(loss.leases(at(0)));
}
