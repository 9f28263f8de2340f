// One daemon of a host, from its start to its end: the real gate and the real table of shared
// pools, driven as daemon/io/loop/engine.cpp drives them. Its memory outlives it, as its clients
// have it mapped.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "client/shared/shm_check.h"
#include "daemon/core/gate.hpp"
#include "tests/sim/link.hpp"

namespace rategate::sim {

class World;

// The memory of a segment: zeros, at an address that 64 divides.
class Memory {
 public:
  explicit Memory(std::uint32_t slots);
  void* get() const { return bytes_.get(); }

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  std::unique_ptr<void, Free> bytes_;
};

class Daemon final : public LinkOwner {
 public:
  // `old`: the segment of the daemon before, for the mistake of adopting it.
  Daemon(World& world, int id, const HostClock& clock, const std::vector<Limit>& limits,
         std::shared_ptr<Memory> old);

  void start() { link_.start(); }
  void kill();
  // Gives back, answers all, and ends.
  void stop();
  bool alive() const { return alive_; }
  void pause(std::int64_t us);
  void reload(const std::vector<Limit>& limits);
  void cut_link() { link_.cut(); }

  // A check over the socket.
  void ask(int limit, int key, std::int64_t cost);
  void nudge(std::uint32_t slot);
  // What RESOLVE says, once ATTACH has been.
  rg_shm_rule resolve(int limit);
  std::uint64_t rules() const;
  rg_shm_view view() const;
  bool has_rule(std::uint64_t rule) const;
  std::shared_ptr<Memory> memory() const { return memory_; }
  // A client spent that in its segment.
  void client_spent(std::uint64_t rule, std::int64_t cost) {
    rules_[rule].spent += cost;
    wanted_ += cost;
  }

  // Everything is in its place; to be asked when nothing is under way.
  void check_books();
  const Gate& gate() const { return *gate_; }
  std::int64_t asked() const { return asked_; }
  std::int64_t answered() const { return answered_; }

  int id() const override { return id_; }
  const HostClock& clock() const override { return clock_; }
  void when_awake(EventQueue::Event event) override;
  void store_time(Mono sent, Mono received, StoreTime time, bool first_of_primary) override;
  void store_up(bool lost) override;
  void store_connecting() override;
  void store_away() override;
  void reserved(std::uint64_t id, const ReserveAnswer& answer) override;
  void reserve_failed(std::uint64_t id, bool retry) override;
  void pump() override;

 private:
  struct Ask {
    int limit;
    int key;
    std::int64_t cost;
    std::int64_t permits;  // the limit's number then
    std::int64_t asked_us;
  };
  Mono now() const;
  void repeat(const LimitUsePtr& use, const Ask& ask, const Decision& decided);
  void told(const Ask& ask, Verdict verdict, const Decision& decision);
  void hand_out();
  void set_alarm();

  World& world_;
  int id_;
  HostClock clock_;
  bool alive_ = true;
  std::int64_t paused_until_ = 0;
  std::int64_t paused_us_ = 0;
  std::shared_ptr<Memory> memory_;
  std::unique_ptr<SharedPools> pools_;
  LimitTable table_;
  std::unique_ptr<Gate> gate_;
  Link link_;
  Mono alarm_ = kNever;
  std::uint64_t tickets_ = 0;
  std::unordered_map<std::uint64_t, Ask> waiting_;
  struct Rule {
    LimitUsePtr use;
    std::int64_t spent = 0;  // by clients, as they say
  };
  std::map<std::uint64_t, Rule> rules_;
  std::int64_t wanted_ = 0;  // permits, by clients and over the socket, granted or not
  std::int64_t late_ = 0;    // permits of answers whose window was over
  std::int64_t asked_ = 0;
  std::int64_t answered_ = 0;
};

}  // namespace rategate::sim
