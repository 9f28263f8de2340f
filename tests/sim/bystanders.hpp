// Of the shards of a cluster to which nothing happens: what befalls another one, or that slots are
// moved, denies none of their checks. And what a shard has lost of long windows is counted on.
#pragma once

#include <set>
#include <string>

#include "tests/sim/judge.hpp"

namespace rategate::sim {

class Bystanders final : public Judge {
 public:
  explicit Bystanders(World& world) : world_(world) {}

  void pumped(Daemon& daemon) override;
  void told(Daemon& daemon, const Ask& ask, Verdict verdict, const Decision& decision) override;

 private:
  bool is_counted_on(Daemon& daemon, const Ask& ask, const std::string& counter) const;

  World& world_;
  std::set<const Daemon*> were_up_;  // with all shards, at some time
};

}  // namespace rategate::sim
