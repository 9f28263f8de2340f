// Of windows that the store has lost, and that are counted on: once it is settled what they held,
// no check is denied any more because they were lost.
#pragma once

#include <cstdint>
#include <map>

#include "tests/sim/judge.hpp"

namespace rategate::sim {

class Recounts final : public Judge {
 public:
  explicit Recounts(World& world) : world_(world) {}

  void store_event(Daemon& daemon, const StoreEvent& event) override;
  void told(Daemon& daemon, const Ask& ask, Verdict verdict, const Decision& decision) override;

 private:
  World& world_;
  std::map<const Daemon*, std::int64_t> up_since_us_;
};

}  // namespace rategate::sim
