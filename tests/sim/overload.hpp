// The judge of schedules in which more is asked than the way to the store passes: it must not break
// down. One greedy client asks for cold keys without end, some modest ones for few, and some keys
// are hot. docs/simulation.md says what must be true.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/sim/judge.hpp"
#include "tests/sim/scenario.hpp"

namespace rategate::sim {

class Overload final : public Judge {
 public:
  explicit Overload(World& world) : world_(world) {}

  bool plan() override;
  void written(Daemon& daemon, const Call& call) override;
  void replied(Daemon& daemon, const Call& call, const Store::Answer& answer) override;
  void told(Daemon& daemon, const Ask& ask, Verdict verdict, const Decision& decision) override;
  void pumped(Daemon& daemon) override;
  void store_event(Daemon& daemon, const StoreEvent& event) override;
  void finish() override;

 private:
  // A check of a cold key: each of them has a key of its own, whose number is its place here.
  struct Cold {
    std::int64_t asked_us = 0;
    std::int64_t answered_us = 0;
    bool modest = false;
    bool served = false;
  };
  // A part of the schedule in which nothing changes, and from when on it is judged.
  struct Part {
    Phase phase;
    std::int64_t begin_us = 0;
    std::int64_t settled_us = 0;
    std::int64_t end_us = 0;
    std::int64_t busy_us = 0;       // of the store while it is judged
    std::vector<std::size_t> done;  // cold keys that the store has answered meanwhile
    std::int64_t hot = 0;           // checks of hot keys that were asked meanwhile
    std::int64_t hot_late = 0;      // and waited for long, or in vain
    std::int64_t hot_waited = 0;    // and were not answered in place
    std::int64_t counters = 0;      // that the store has answered meanwhile
    std::int64_t leases = 0;        // of them, without a check that waited
  };

  std::int64_t now() const;
  Part* part_at(std::int64_t us);
  void start_hot();
  void start_cold();
  void next_cold(bool modest, std::uint32_t flow);
  void next_burst();
  std::int64_t gap_us(bool modest);
  void next_hot(int key);
  void note_leases(const Daemon& daemon, const Call& call);
  void ask(int limit, int key, std::uint32_t flow);
  std::int64_t shortest_trip_us() const;
  // What a client need not bear that asks less than its share.
  std::int64_t patience_us(const Part& part, int trips) const;
  bool is_judged(const Part& part, std::int64_t asked_us) const;
  bool has_time(const Cold& check, std::int64_t at_us) const;
  void judge(const Part& part);
  void judge_use(const Part& part);
  void judge_hot(const Part& part);
  bool leases_come_in_time(const Part& part) const;
  void judge_modest(const Part& part);
  void fail(const Part& part, const std::string& what);

  World& world_;
  std::vector<Cold> cold_;
  std::vector<Part> parts_;
  std::int64_t since_lease_ = 0;  // counters of checks, while a lease is wanted
  bool queue_was_empty_ = false;
};

}  // namespace rategate::sim
