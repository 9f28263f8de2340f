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

TEST_CASE("a busy host that stops loses what it has leased, and goes on when it is busy again") {
  LeaseLoss loss;
  for (int i = 0; i < 32; ++i) loss.over(1'000'000, 10'000, at(i * kSliceMs), kSliceMs);
  // Looks at slices of which none is over say nothing.
  for (int i = 0; i < 1000; ++i) loss.over(0, 0, at(32 * kSliceMs), kSliceMs);
  loss.over(1'000'000, 900'000, at(32 * kSliceMs), kSliceMs);
  CHECK(loss.leases(at(32 * kSliceMs)));
  // Who stops again and again does not.
  for (int i = 0; i < 8; ++i) loss.over(1'000'000, 900'000, at((33 + i) * kSliceMs), kSliceMs);
  CHECK_FALSE(loss.leases(at(41 * kSliceMs)));
}
