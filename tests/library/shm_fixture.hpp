// A client, and a daemon that shares memory with it: what the tests of both start from.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "tests/library/client_fixture.hpp"
#include "tests/library/fake_segment.hpp"
#include "tests/unit/catch.hpp"

namespace fake {

inline constexpr std::int64_t kPeriodMs =
    3'600'000;  // no test comes near the edge of an hour's middle
inline constexpr std::int64_t kRule = 7;
inline constexpr std::int64_t kByDaemon = 4242;

// A client of a daemon that shares memory.
struct Fixture {
  TempDir dir;
  Segment segment;
  std::int64_t end_ms = segment.now_in_the_middle_of(kPeriodMs);
  SharingDaemon shared{segment, rule_answer(kRule, 100'000, kPeriodMs)};
  std::optional<Daemon> daemon;
  std::optional<OpenClient> client;

  Fixture() {
    daemon.emplace(dir.socket(), shared.serve());
    client.emplace(dir.socket(), 20'000, 0, 0);
  }
  // The limit's pool, with what Segment::put() says of it.
  rg_slot* pool(std::int64_t permits, bool exhausted = false, std::uint32_t low_water = 0,
                std::uint32_t left = 0) {
    rg_slot* slot = segment.give(kRule);
    Segment::put(slot, end_ms, permits, exhausted, 0, low_water, left);
    return slot;
  }
  // A handle that has gone over the socket, and knows all.
  rategate_limit* attached(std::string_view key = {}) {
    rategate_limit* limit = client->limit();
    CHECK(check(limit, key).decision.remaining == kByDaemon);
    return limit;
  }
};

inline bool in_place(const Outcome& outcome) {
  return outcome.rc == 0 && outcome.decision.decided_ns != 0;
}
inline bool by_daemon(const Outcome& outcome) {
  return outcome.rc == 0 && outcome.decision.remaining == kByDaemon &&
         outcome.decision.decided_ns == 0 && outcome.decision.window_end_ms == 0;
}

// How often this process has the segment of that generation mapped.
inline int mappings(std::uint64_t generation) {
  std::ifstream maps("/proc/self/maps");
  int found = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(Segment::name(generation)) != std::string::npos) ++found;
  }
  return found;
}

}  // namespace fake
