#include "daemon/core/store_clock.hpp"

#include <random>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
StoreClock make_clock() { return StoreClock({100'000, 1000}); }
}  // namespace

TEST_CASE("an unmeasured clock says nothing") { CHECK_FALSE(make_clock().read(Mono{5})); }

TEST_CASE("the error is half the round trip, the stamps' 100 us, and grows with age") {
  StoreClock clock = make_clock();
  clock.measure(Mono{1000}, Mono{3000}, StoreTime{1'000'000'000});
  auto reading = clock.read(Mono{3000});
  REQUIRE(reading);
  CHECK(reading->error_us() == 1101);
  CHECK(reading->earliest.us == 1'000'001'000 - 1101);
  CHECK(reading->latest.us == 1'000'001'000 + 1101);
  reading = clock.read(Mono{3000 + 10'000'000});
  CHECK(reading->error_us() == 1101 + 10'000);
  CHECK(clock.trusts(*reading));
  CHECK_FALSE(clock.trusts(*clock.read(Mono{3000 + 100'000'000})));
}

TEST_CASE("the best recent measurement counts") {
  StoreClock clock = make_clock();
  clock.measure(Mono{0}, Mono{200}, StoreTime{1'000'000});
  // A slow round trip that agrees is kept out, until the good one has aged by as much.
  CHECK(clock.measure(Mono{1000}, Mono{9000}, StoreTime{1'005'000}) == StoreClock::Measured::Kept);
  CHECK(clock.read(Mono{9000})->error_us() < 300);
  CHECK(clock.measure(Mono{20'000'000}, Mono{20'008'000}, StoreTime{21'004'000}) ==
        StoreClock::Measured::Taken);
}

TEST_CASE("a contradiction is taken and said") {
  StoreClock clock = make_clock();
  clock.measure(Mono{0}, Mono{200}, StoreTime{1'000'000});
  CHECK(clock.measure(Mono{1000}, Mono{1200}, StoreTime{61'000'000}) ==
        StoreClock::Measured::Contradicted);
  CHECK(clock.read(Mono{1200})->earliest.us > 60'900'000);
}

TEST_CASE("readings never go back, but for a clock that is set back by more than the bound") {
  StoreClock clock = make_clock();
  clock.measure(Mono{0}, Mono{200}, StoreTime{10'000'000});
  const auto before = clock.read(Mono{200})->earliest;
  clock.measure(Mono{200}, Mono{400}, StoreTime{9'990'000});  // 10 ms back
  CHECK(clock.read(Mono{400})->earliest >= before);
  clock.measure(Mono{400}, Mono{600}, StoreTime{5'000'000});
  CHECK(clock.read(Mono{600})->earliest < before);
}

TEST_CASE("the true time is inside, whatever the delays and the drift") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    StoreClock clock = make_clock();
    // Two clocks within the drift that is allowed for, in parts per million.
    const double rate = 1.0 + (static_cast<double>(random() % 1900) - 950.0) / 1e6;
    const double offset = static_cast<double>(random() % 1'000'000'000'000);
    const auto store = [&](std::int64_t mono) {
      return static_cast<std::int64_t>(offset + static_cast<double>(mono) * rate);
    };
    std::int64_t now = 1'000'000;
    std::int64_t last_earliest = INT64_MIN;
    for (int i = 0; i < 300; ++i) {
      now += static_cast<std::int64_t>(random() % 400'000);
      if (random() % 3 == 0) {
        const auto there = static_cast<std::int64_t>(random() % 20'000);
        const auto back = static_cast<std::int64_t>(random() % 20'000);
        clock.measure(Mono{now}, Mono{now + there + back}, StoreTime{store(now + there)});
        now += there + back;
      }
      const auto reading = clock.read(Mono{now});
      if (!reading) continue;
      REQUIRE(reading->earliest.us <= store(now) + 1);
      REQUIRE(reading->latest.us >= store(now) - 1);
      REQUIRE(reading->earliest.us >= last_earliest);
      last_earliest = reading->earliest.us;
    }
  }
}

TEST_CASE("a wait has room for drift, but for no more than an error that is not measured away") {
  StoreClock::Options options;
  options.max_drift_ppm = 1000;
  options.max_error_us = 50'000;
  const StoreClock clock(options);
  CHECK(clock.with_drift(1'000'000) == 1'000'000 + 1001 + 1);
  CHECK(clock.with_drift(86'400'000'000) == 86'400'000'000 + 50'000 + 1);
}

TEST_CASE("windows open late and close early by the error") {
  const auto at = [](std::int64_t us, std::int64_t error) {
    return place({StoreTime{us - error}, StoreTime{us + error}}, 1000);
  };
  CHECK(at(5'500'000, 1000).open);
  CHECK(at(5'500'000, 1000).window == Window{5000, 6000});
  CHECK_FALSE(at(5'999'500, 1000).open);
  CHECK(at(5'999'500, 1000).window == Window{6000, 7000});
  CHECK(at(5'999'500, 1000).opens_in_us == 1500);
  CHECK_FALSE(at(6'000'999, 1000).open);
  CHECK(at(6'001'000, 1000).open);
  CHECK(at(6'001'000, 1000).window == Window{6000, 7000});
  CHECK(at(-500'000, 1000).window == Window{-1000, 0});
}

TEST_CASE("twice the error has to stay below half of the period") {
  const ClockReading reading{StoreTime{0}, StoreTime{4998}};
  CHECK(precise_enough(reading, 10));
  CHECK_FALSE(precise_enough({StoreTime{0}, StoreTime{5000}}, 10));
}
