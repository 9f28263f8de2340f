// Two gates before one store, of one limit that is cleared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/core/settling.hpp"

namespace rategate::test {

struct Clearing : Settling {
  MemoryCounters& counted_in;

  explicit Clearing(LimitUsePtr of) : Settling(std::move(of)), counted_in(store) {}
  Clearing(LimitUsePtr of, MemoryCounters& shared) : Settling(std::move(of)), counted_in(shared) {}

  // Until it is decided, whatever has to be asked for that.
  Decision served(std::int64_t cost) {
    const CheckResult result = check(use, "k", cost);
    if (!result.waits) return result.decision;
    for (int round = 0; round < 4 && gate.answers().empty(); ++round) answer_asked();
    const auto told = answers();
    REQUIRE(told.size() == 1);
    return told.front().decision;
  }
  void answer_asked() {
    for (const Reservation& request : asked()) {
      gate.answered(request.id, counted_in.reserve(request, store_time()), now);
    }
    answer_clears();
  }
  std::int64_t take(std::int64_t cost) {
    const Decision decision = served(cost);
    REQUIRE(decision.allowed);
    return decision.receipt;
  }
  std::vector<Clear> asked_to_clear() {
    std::vector<Clear> clears;
    while (auto clear = gate.take_clear({0})) clears.push_back(std::move(*clear));
    return clears;
  }
  void answer_clears() { Bench::answer_clears(counted_in); }
  void begin_clear(std::uint64_t ticket = 1) { gate.clear({use, "k", ticket}, now); }
  // What has become of it; nothing where it waits.
  std::optional<Cleared> ended() {
    auto over = std::exchange(gate.cleared(), {});
    if (over.empty()) return std::nullopt;
    REQUIRE(over.size() == 1);
    return over.front();
  }
  // How many permits it held.
  std::int64_t clear() {
    begin_clear();
    answer_clears();
    const auto how = ended();
    REQUIRE(how);
    CHECK(how->why_not == "");
    check_books(gate);
    return how->permits;
  }
  std::int64_t write() {
    std::int64_t off = 0;
    while (const auto release = gate.take_release({0})) {
      off += counted_in.release(*release, store_time());
    }
    return off;
  }
};

}  // namespace rategate::test
