// The judge of schedules in which the store does not take some counters of calls that hold others
// as well: one that holds something else, one that the user may not touch. The others must not
// notice.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tests/sim/judge.hpp"

namespace rategate::sim {

class Refusals final : public Judge {
 public:
  explicit Refusals(World& world) : world_(world) {}

  bool plan() override;
  void written(Daemon& daemon, const Call& call) override;
  void replied(Daemon& daemon, const Call& call, const Store::Answer& answer) override;
  void told(Daemon& daemon, const Ask& ask, Verdict verdict, const Decision& decision) override;
  void finish() override;

 private:
  // What a daemon has learned of a limit, and how many of its calls were refused.
  struct Seen {
    bool refused = false;  // its counters, though they were alone; and not accepted since
    int refusals = 0;      // such ones
  };

  void next_burst(int host);
  std::string limit_of(const std::string& counter) const;
  // Whether the store takes all counters of a limit, now or from some time on.
  bool takes_limit(int limit) const;
  bool may_be_refused(int limit, std::int64_t asked_us) const;

  World& world_;
  std::map<std::pair<int, std::string>, Seen> seen_;  // by daemon and limit
  std::int64_t permitted_us_ = 0;                     // nothing is forbidden any more
};

}  // namespace rategate::sim
