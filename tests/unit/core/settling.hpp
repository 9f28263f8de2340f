// A gate whose permits come back, of one limit, with the store beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "daemon/limit/receipt.hpp"
#include "tests/unit/core/gate_bench.hpp"

namespace rategate::test {

inline constexpr std::int64_t kEndMs = kStart / 1000 + 1000;  // of the first window of a second
inline constexpr std::int64_t kHuge = (std::int64_t{1} << 53) - 1;

struct Numbers {
  std::int64_t permits = 10;
  Mode mode = Mode::Lease;
  Settle settle = Settle::Host;
  std::int64_t period_ms = 1000;
};

inline Limit window_limit(const Numbers& numbers) {
  Limit limit = declared_limit("api", {numbers.permits, numbers.period_ms}, true);
  limit.mode = numbers.mode;
  limit.settle = numbers.settle;
  limit.settle_within_ms = 5000;
  return limit;
}

inline LimitUsePtr window_of(const Numbers& numbers) {
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(window_limit(numbers)));
}

// As many permits as it holds flow into it in each period.
inline LimitUsePtr bucket_of(const Numbers& numbers) {
  Limit limit = window_limit(numbers);
  limit.algorithm = &kTokenBucket;
  limit.redis_key = *KeyTemplate::parse(kBucketRedisKey);
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

struct Settling : Bench {
  LimitUsePtr use;

  explicit Settling(LimitUsePtr of) : use(std::move(of)) {}

  // Until it is decided, by what this store answers.
  Decision served_by(MemoryCounters& counters, std::int64_t cost) {
    const CheckResult result = check(use, "k", cost);
    if (!result.waits) return result.decision;
    for (const Reservation& request : asked()) {
      gate.answered(request.id, counters.reserve(request, store_time()), now);
    }
    answer_clears(counters);
    const auto told = answers();
    REQUIRE(told.size() == 1);
    return told.front().decision;
  }
  Decision served(std::int64_t cost) { return served_by(store, cost); }
  // Takes so many: their receipt.
  std::int64_t take(std::int64_t cost) {
    const Decision decision = served(cost);
    REQUIRE(decision.allowed);
    REQUIRE(decision.receipt > 0);
    return decision.receipt;
  }
  // So that permits are held beside those that were spent.
  std::int64_t take_with_lease(std::int64_t checks) {
    for (std::int64_t i = 0; i < checks; ++i) REQUIRE(check(use).waits);
    serve();
    REQUIRE(allowed() == checks);
    REQUIRE(gate.counted() > 0);
    return kEndMs;
  }
  std::int64_t settle(std::int64_t took, std::int64_t used, std::int64_t receipt,
                      std::string_view key = "k") {
    const std::int64_t back = gate.settle({use, key, took, used, receipt}, now);
    check_books(gate);
    return back;
  }
  std::int64_t refund(std::int64_t receipt, std::int64_t permits, std::string_view key = "k") {
    return settle(permits, 0, receipt, key);
  }
  // Writes what waits to be written: how much was taken off in all.
  std::int64_t write() {
    std::int64_t off = 0;
    while (const auto release = gate.take_release({0})) {
      off += store.release(*release, store_time());
    }
    check_books(gate);
    return off;
  }
  std::int64_t counter() {
    Reservation nothing;
    nothing.window = {kEndMs - 1000, kEndMs};
    nothing.counter = use->names.of("k", nothing.window.start_ms);
    return store.reserve(nothing, store_time()).counter;
  }
  // The latest time that it may be is that one.
  void go_to_latest(std::int64_t store_us) {
    now.us = store_us - kStart;
    measure();
    const auto reading = gate.shard({0}).clock.read(now);
    REQUIRE(reading);
    now.us -= reading->latest.us - store_us;
    measure();
    REQUIRE(gate.shard({0}).clock.read(now)->latest.us == store_us);
  }
  void pass(std::int64_t us) {
    now.us += us;
    measure();
  }
};

// A bucket of 1000 into which 1000 flow in each second, of which permits are held.
struct Slices : Settling {
  explicit Slices(Settle settle = Settle::Host) : Settling(bucket_of({1000, Mode::Lease, settle})) {
    for (int i = 0; i < 2500 || gate.counted() == 0; ++i) {
      now.us += 1000;
      served(1);
    }
  }
};

}  // namespace rategate::test
