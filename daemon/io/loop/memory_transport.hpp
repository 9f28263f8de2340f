// `store = "memory"`: the store inside the daemon, for one host, as a transport to counters of its
// own. Its clock is this host's CLOCK_REALTIME as it was when the daemon started, which is never
// set afterwards. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/store/call.hpp"
#include "daemon/store/link.hpp"
#include "daemon/store/model/memory_counters.hpp"
#include "daemon/store/model/memory_holds.hpp"

namespace rategate {

class MemoryTransport final : public Transport {
 public:
  explicit MemoryTransport(const HashSeed& seed);

  void connect() override { connecting_ = true; }
  void close() override;
  void send(const Call& call) override;
  Mono flush() override;
  bool is_written() const override { return true; }

  // Hands over what was answered. False where there was nothing: nobody is called from within
  // send().
  bool deliver(Link& link);

  std::size_t counters() const { return counters_.size(); }

 private:
  struct Answered {
    Call::Kind kind;
    std::vector<ReserveAnswer> answers{};
    ClearAnswer clear{};
    HoldAnswer hold{};
  };
  StoreTime time_at(Mono now) const { return {now.us + offset_us_}; }

  MemoryCounters counters_;
  MemoryHolds holds_;
  std::int64_t offset_us_;
  bool connecting_ = false;
  std::vector<Answered> answered_;
  std::vector<Answered> delivering_;
  std::vector<std::vector<ReserveAnswer>> spare_;  // kept for their memory
};

}  // namespace rategate
