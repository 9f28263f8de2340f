// In which slices of time the permits of a bucket are leased, and of which limits they are.
#include "daemon/limit/bucket_slices.hpp"

#include <random>
#include <set>

#include "daemon/limit/limit.hpp"
#include "daemon/limit/limit_use.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kNow = 1'795'000'000'000'000;
// The longest slice, and the least life that goes with it.
constexpr std::int64_t kLongestLifeMs = 250 + 63;

// Fills of all magnitudes, up to the longest that there is, and moments.
class Numbers {
 public:
  std::int64_t below(std::int64_t most) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most));
  }
  std::int64_t fill_us() { return 1 + below(std::int64_t{1} << (1 + below(48))); }
  StoreTime moment() { return {kNow + below(100'000'000'000)}; }

 private:
  std::mt19937_64 random_{11};
};

std::int64_t parity_of(const Window& slice) {
  return slice.start_ms / (slice.end_ms - slice.start_ms) & 1;
}

Limit bucket_of(std::int64_t permits, std::int64_t period_ms, std::int64_t burst,
                Mode mode = Mode::Auto) {
  Limit limit = declared_limit("api", {permits, period_ms}, true);
  limit.algorithm = &kTokenBucket;
  limit.burst = burst;
  limit.mode = mode;
  return limit;
}

}  // namespace

TEST_CASE("a slice is a sixteenth of the time to fill, from 10 ms to 250 ms") {
  CHECK(slices_of(1'000'000) == BucketSlices{62, 16});
  CHECK(slices_of(160'000) == BucketSlices{10, 3});
  CHECK(slices_of(1) == BucketSlices{10, 3});
  CHECK(slices_of(4'000'000) == BucketSlices{250, 63});
  CHECK(slices_of(kMostFillUs) == BucketSlices{250, 63});
  CHECK(BucketSlices{}.none());
  CHECK_FALSE(slices_of(1).none());
}

TEST_CASE("a slice and the least life keep their bounds, however long a bucket takes to fill") {
  Numbers numbers;
  for (int i = 0; i < 20'000; ++i) {
    const BucketSlices slices = slices_of(numbers.fill_us());
    REQUIRE((slices.slice_ms >= 10 && slices.slice_ms <= 250));
    // A quarter of a slice, rounded up.
    REQUIRE(4 * slices.least_ms >= slices.slice_ms);
    REQUIRE(4 * slices.least_ms < slices.slice_ms + 4);
  }
}

TEST_CASE("a lease ends with a slice, and lives for its least life and up to a slice more") {
  Numbers numbers;
  for (int i = 0; i < 50'000; ++i) {
    const BucketSlices slices = slices_of(numbers.fill_us());
    const StoreTime now = numbers.moment();
    const std::int64_t ends_ms = lease_ends_ms(slices, now);
    REQUIRE(ends_ms % slices.slice_ms == 0);
    const std::int64_t lives_us = ends_ms * 1000 - now.us;
    REQUIRE(lives_us >= slices.least_ms * 1000);
    REQUIRE(lives_us <= (slices.slice_ms + slices.least_ms) * 1000);
    REQUIRE(lives_us <= kLongestLifeMs * 1000);
  }
}

TEST_CASE("a lease that is reserved where a slice begins ends with that slice") {
  const BucketSlices slices{62, 16};
  const std::int64_t start_ms = kNow / 1000 / 62 * 62;
  CHECK(lease_ends_ms(slices, {start_ms * 1000}) == start_ms + 62);
  CHECK(lease_ends_ms(slices, {(start_ms + 45) * 1000 + 999}) == start_ms + 62);
  // What is left of the slice is the least life, and not more: the next one has room for that.
  CHECK(lease_ends_ms(slices, {(start_ms + 46) * 1000}) == start_ms + 124);
}

TEST_CASE("leases that are good at the same time have two ends at most, and a word for each") {
  Numbers numbers;
  for (int i = 0; i < 2'000; ++i) {
    const BucketSlices slices = slices_of(numbers.fill_us());
    const StoreTime now = numbers.moment();
    std::set<std::int64_t> ends;
    for (int lease = 0; lease < 40; ++lease) {
      const std::int64_t ends_ms =
          lease_ends_ms(slices, {now.us - numbers.below(2 * kLongestLifeMs * 1000)});
      if (now.us < ends_ms * 1000) ends.insert(ends_ms);
    }
    REQUIRE(ends.size() <= 2);
    if (ends.size() < 2) continue;
    const Window first = slice_ending(slices, *ends.begin());
    const Window second = slice_ending(slices, *ends.rbegin());
    REQUIRE(second.start_ms == first.end_ms);
    REQUIRE(parity_of(first) != parity_of(second));
  }
}

TEST_CASE(
    "a bucket with nothing left is not asked for a quarter of a slice, or an eighth of a fill") {
  CHECK(pause_us(slices_of(1'000'000), 1'000'000) == 15'500);
  CHECK(pause_us(slices_of(1'000), 1'000) == 125);
  Numbers numbers;
  for (int i = 0; i < 10'000; ++i) {
    const std::int64_t fill = numbers.fill_us();
    // What flows in meanwhile stays in it.
    REQUIRE(8 * pause_us(slices_of(fill), fill) <= fill);
    REQUIRE(pause_us(slices_of(fill), fill) <= 62'500);
  }
}

TEST_CASE("a bucket is leased from 16 permits and 160 ms on, if nothing else is said") {
  CHECK(is_leased(bucket_of(100, 1000, 16)));
  CHECK_FALSE(is_leased(bucket_of(100, 1000, 15)));
  CHECK(is_leased(bucket_of(1000, 1000, 160)));
  CHECK_FALSE(is_leased(bucket_of(1000, 1000, 159)));
  CHECK(is_leased(bucket_of(1, kMaxPeriodMs, 16)));
  // The permits of a period are no burst.
  CHECK_FALSE(is_leased(bucket_of(1'000'000, 1000, 16)));
}

TEST_CASE("a bucket is leased by its mode, and one of CL.THROTTLE never is") {
  CHECK(is_leased(bucket_of(1, 1000, 1, Mode::Lease)));
  CHECK_FALSE(is_leased(bucket_of(1'000'000, 1000, 1'000'000, Mode::Exact)));
  Limit cell = cell_limit({1'000'000, 1000}, 1'000'000);
  CHECK_FALSE(is_leased(cell));
  cell.mode = Mode::Lease;
  CHECK_FALSE(is_leased(cell));
}

TEST_CASE("only what is leased has slices") {
  const auto slices = [](const Limit& limit) {
    return LimitUse(std::make_shared<const Limit>(limit)).slices;
  };
  CHECK(slices(bucket_of(1000, 1000, 1000)) == slices_of(1'000'000));
  CHECK(slices(bucket_of(1000, 1000, 1000, Mode::Exact)).none());
  CHECK(slices(bucket_of(1000, 1000, 1, Mode::Lease)) == slices_of(1000));
  CHECK(slices(cell_limit({1000, 1000}, 1000)).none());
  CHECK(slices(declared_limit("api", {1000, 1000}, true)).none());
}
