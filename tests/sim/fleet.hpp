// A fleet before one primary: what it asks of it, what it gets, and how long it waits for that. The
// figures of docs/capacity.md.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "tests/sim/judge.hpp"

namespace rategate::sim {

// Each host asks evenly for one permit at a time, of a key that is drawn: the n-th of the keys
// 1/n times as often as the first (Zipf's law with exponent 1).
class Fleet final : public Judge {
 public:
  struct Seen {
    std::int64_t checks = 0;
    std::int64_t in_place = 0;  // of them, in shared memory or out of what the daemon holds
    std::int64_t allowed = 0;
    std::int64_t allowable = 0;          // by a limiter that knows all at once
    std::int64_t unanswered = 0;         // denied by policy, as the store was too slow
    std::int64_t calls = 0;              // of reservations
    std::int64_t counters = 0;           // in them
    std::int64_t busy_us = 0;            // of the primary
    std::vector<std::int64_t> waits_us;  // of the checks that waited
    std::vector<std::int64_t> allowed_of_host;

    // How long that part of the checks waited at most.
    std::int64_t wait_us(double part);
  };

  explicit Fleet(World& world) : world_(world) {}

  bool plan() override;
  void written(Daemon& daemon, const Call& call) override;
  void told(Daemon& daemon, const Ask& ask, Verdict verdict, const Decision& decision) override;
  void finish() override;

  Seen& seen() { return seen_; }

 private:
  bool is_measured(std::int64_t us) const { return us >= from_us_; }
  std::int64_t window(std::int64_t us) const;
  // Of a key and the window of that moment, in asked_.
  std::int64_t place(std::int64_t us, std::int64_t key) const;
  std::int64_t drawn_key();
  void next_check(int host);
  void check(int host);

  World& world_;
  std::int64_t from_us_ = 0;
  std::unordered_map<std::int64_t, std::int64_t> asked_;  // by place: decided then
  Seen seen_;
};

// Runs the fleets that are made for it, or those that take seconds only, and prints what they ask
// for and get. False where that is less than docs/capacity.md says.
bool judge_fleets(bool short_ones);

}  // namespace rategate::sim
