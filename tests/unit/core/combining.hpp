// A bench that asks for several limits at once.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/limit/key_uses.hpp"
#include "tests/unit/core/gate_bench.hpp"

namespace rategate::test {

struct WindowNumbers {
  std::int64_t permits = 10;
  std::int64_t period_ms = 1000;
  Mode mode = Mode::Exact;
};

inline Limit numbered(const std::string& name, const WindowNumbers& of) {
  Limit limit = declared_limit(name, {of.permits, of.period_ms}, true);
  limit.mode = of.mode;
  return limit;
}

inline LimitUsePtr in_use(Limit limit) { return make_limit_use(std::move(limit), 0, 0); }
inline LimitUsePtr window(const std::string& name, const WindowNumbers& of) {
  return in_use(numbered(name, of));
}
inline LimitUsePtr bucket(const std::string& name, std::int64_t burst) {
  Limit limit = numbered(name, {burst, 1000});
  limit.algorithm = &kTokenBucket;
  limit.redis_key = *KeyTemplate::parse(kBucketRedisKey);
  return in_use(std::move(limit));
}

inline LimitUsePtr sliding(const std::string& name, const WindowNumbers& of) {
  Limit limit = numbered(name, of);
  limit.algorithm = &kSlidingWindow;
  limit.redis_key = *KeyTemplate::parse(kLogRedisKey);
  return in_use(std::move(limit));
}

struct Combining : Bench {
  CheckResult ask(std::initializer_list<LimitUsePtr> limits, std::int64_t cost = 1,
                  bool takes = true) {
    CombinedRequest request;
    request.takes = takes;
    request.ticket = ++tickets;
    for (const LimitUsePtr& limit : limits) {
      request.members.push_back({limit, "k", cost, request.members.size()});
    }
    return gate.check_combined(std::move(request), now);
  }
  // Until it is decided.
  Decision decided(std::initializer_list<LimitUsePtr> limits, std::int64_t cost = 1,
                   bool takes = true) {
    give_back();
    const CheckResult result = ask(limits, cost, takes);
    if (!result.waits) return result.decision;
    for (int turns = 0; turns < 4 && gate.answers().empty(); ++turns) serve();
    const auto told = answers();
    REQUIRE(told.size() == 1);
    return told.front().decision;
  }
  void give_back() {
    while (const auto release = gate.take_release({0})) store.release(*release, store_time());
  }
  // What the store has counted of it in the window that is open.
  std::int64_t counted(const LimitUsePtr& limit) {
    give_back();
    Reservation nothing;
    nothing.window = limit->place({store_time(), store_time()}).window;
    nothing.counter = limit->names.of("k", nothing.window.start_ms);
    nothing.limit = limit->limit->permits;
    return store.reserve(nothing, store_time()).counter;
  }
};

}  // namespace rategate::test
