// When a host is counted, and looks at the count.
#include "daemon/store/host_count.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("a host is counted once in each minute, and looks at the count once more in it") {
  HostCount count(7);
  constexpr std::int64_t kStart = 1'700'000'040'000'000;  // of a minute, us
  std::int64_t now = kStart + 5'000'000;
  for (int minute = 0; minute < 5; ++minute) {
    int added = 0, looked = 0;
    const std::int64_t end = kStart + (minute + 1) * 60'000'000;
    while (now < end) {
      if (const auto call = count.due({now})) {
        CHECK(call->kind == Call::Kind::Hosts);
        CHECK(call->minute_ms == kStart / 1000 + minute * 60'000);
        ++(call->adds ? added : looked);
      }
      CHECK(count.due_in_us({now}) >= 0);
      now += std::max<std::int64_t>(1000, count.due_in_us({now}));
    }
    CHECK(added == 1);
    CHECK(looked == 1);
  }
}

TEST_CASE("a host that could not ask for minutes is counted when it can") {
  HostCount count(8);
  const auto first = count.due({1'700'000'040'000'000});
  REQUIRE((first && first->adds));
  const auto later = count.due({1'700'001'000'000'000});
  REQUIRE((later && later->adds));
}
