// A gate and a store whose answers come when the test says so.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/core/gate.hpp"
#include "daemon/limit/group.hpp"
#include "daemon/store/model/memory_counters.hpp"
#include "tests/unit/catch.hpp"

namespace rategate::test {

constexpr std::int64_t kStart = 1'700'000'000'000'000;  // store time at mono 0, us; a window starts

inline LimitUsePtr limit(std::int64_t permits, std::int64_t period_ms = 1000,
                         OnStoreDown policy = OnStoreDown::Deny) {
  Limit result = declared_limit("api", {permits, period_ms}, true);
  result.on_store_down = policy;
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(result));
}

// What was reserved is spent, given back, lost or held.
inline void check_books(const Gate& gate) {
  const Books::Totals& totals = gate.books().totals();
  CHECK(totals.held == gate.counted());
  CHECK(totals.reserved + totals.settled == totals.spent + totals.spent_by_clients +
                                                totals.released + totals.stranded + gate.counted());
}

struct Bench {
  Gate gate{Gate::Options{}};
  MemoryCounters store;
  Mono now{100'000};
  std::uint64_t tickets = 0;

  Bench() { up(); }
  void up() {
    measure();
    gate.store_up({0});
  }
  StoreTime store_time() const { return {kStart + now.us}; }
  void measure() { gate.measured({0}, now, now, store_time()); }
  CheckResult check(const LimitUsePtr& use, std::string_view key = "k", std::int64_t cost = 1) {
    return gate.check({use, key, cost, ++tickets}, now);
  }
  std::int64_t repeat(const LimitUsePtr& use, std::int64_t cost, const Decision& decided,
                      std::int64_t count) {
    return gate.repeat({use, "k", cost}, decided, count, now);
  }
  // All that the store would be asked for now, if the way to it were idle.
  std::vector<Reservation> asked() {
    gate.turn(now);
    std::vector<Reservation> all;
    if (!gate.shard({0}).health.is_up()) return all;
    Reservation next;
    for (const Pull::Of of : {Pull::Of::Lines, Pull::Of::Leases, Pull::Of::Aside}) {
      Pull pull;
      pull.of = of;
      while (gate.compose({0}, pull, now, next)) all.push_back(std::exchange(next, {}));
    }
    return all;
  }
  bool measure_wanted() { return std::exchange(gate.shard({0}).measure_wanted, false); }
  // The store looks at it now, and its answer is there at that moment.
  void reply_at(Mono moment, const Reservation& request) {
    const ReserveAnswer answer = store.reserve(request, store_time());
    now = moment;
    measure();
    gate.answered(request.id, answer, now);
  }
  void reply(const Reservation& request) { reply_at(now, request); }
  void serve() {
    reply_all(asked());
    answer_clears(store);
  }
  // In one call.
  void reply_all(const std::vector<Reservation>& requests) {
    std::vector<ReserveAnswer> all;
    reserve_all(
        requests, [&](const Reservation& each) { return store.reserve(each, store_time()); }, all);
    measure();
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const std::uint64_t group = requests[i].group;
      const bool more = group != 0 && i + 1 < requests.size() && requests[i + 1].group == group;
      gate.answered(requests[i].id, all[i], now, more);
    }
  }
  // What is to be cleared, or asked of marks, by those counters.
  void answer_clears(MemoryCounters& counters) {
    while (const auto clear = gate.take_clear({0})) {
      gate.clear_answered(*clear, counters.clear(*clear, store_time()), now);
    }
  }
  std::vector<Answer> answers() { return std::exchange(gate.answers(), {}); }
  std::int64_t allowed() {
    std::int64_t count = 0;
    for (const Answer& answer : answers()) count += answer.decision.allowed ? 1 : 0;
    return count;
  }
};

// A gate whose counters are in two shards that are up, at one moment.
struct TwoShardGate {
  explicit TwoShardGate(ShardOf shard_of) : gate(options_of(std::move(shard_of))) {
    for (const ShardId shard : {ShardId{0}, ShardId{1}}) {
      gate.measured(shard, now, now, time());
      gate.store_up(shard);
    }
  }
  static Gate::Options options_of(ShardOf shard_of) {
    Gate::Options options;
    options.shards = SharedPools::kClocks + 1;  // the last one is nowhere
    options.shard_of = std::move(shard_of);
    return options;
  }
  StoreTime time() const { return {kStart + now.us}; }
  // The shard's next reservation of one check, and its answer: that the counter holds so much.
  void answer(ShardId shard, std::int64_t counter, std::int64_t granted) {
    Reservation request;
    REQUIRE(gate.compose(shard, {}, now, request));
    ReserveAnswer answer;
    answer.time = time();
    answer.counter = counter;
    answer.granted = {granted};
    gate.answered(request.id, answer, now);
  }

  const Mono now{100'000};
  Gate gate;
};

}  // namespace rategate::test
