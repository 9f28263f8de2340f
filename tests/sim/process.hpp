// A process that asks: by the library's own code on the segment of its host's daemon, or over the
// socket. It may be paused between any two steps on shared memory, while the world goes on.
#pragma once

#include <cstdint>
#include <vector>

#include "client/shared/shm_check.h"
#include "client/shared/shm_members.h"
#include "tests/sim/daemon.hpp"

namespace rategate::sim {

class World;

class Process {
 public:
  // `flow`: its number among the clients of its daemon. `socket_only`: it is given no shared
  // memory.
  Process(World& world, int host, std::uint32_t flow, bool socket_only);

  void check(int limit, int key, std::int64_t cost);

 private:
  // What it knows of one limit.
  struct Handle {
    Daemon* daemon = nullptr;  // of whose segment
    rg_shm_view view{};
    std::uint64_t rules = 0;
    rg_shm_rule rule{};
    std::uint32_t slot = RG_SHM_NO_HINT;
  };
  struct Readings;
  enum class Outcome { Answered, Later, Miss };
  struct Asked {
    rg_identity id;
    bool has_key;
    const rg_identity* key() const { return has_key ? &id : nullptr; }
  };

  Outcome in_place(Handle& handle, int limit, int key, std::int64_t cost, int waits);
  Outcome look(Handle& handle, int limit, int key, std::int64_t cost, std::int64_t lag_ns,
               std::int64_t* wait_ns);
  Outcome look_at_slices(Handle& handle, int limit, int key, std::int64_t cost);
  // Of several limits at once.
  struct Wanted {
    int limit;
    int key;
    std::int64_t cost;
  };
  Outcome combine(Wanted first);
  std::vector<Wanted> wanted_with(Wanted first);
  void combined(const std::vector<Wanted>& wanted, const std::vector<Handle>& used,
                const rg_shm_combined& combined, std::int64_t begun_us, std::int64_t read_us);
  Asked asked_of(const Handle& handle, int limit, int key) const;
  // CLOCK_MONOTONIC as it is there, by a clock that lags behind by so much at most.
  std::int64_t read(const Daemon& daemon, std::int64_t lag_ns);
  void decided(Handle& handle, int limit, int key, std::int64_t cost, const rg_identity& id,
               const rg_shm_result& result, std::int64_t read_us);
  void judge_denial(const Handle& used, int limit, int key, std::int64_t cost,
                    const rg_shm_result& result, std::int64_t read_us);
  void judge_spent(const Handle& used, int limit, int key, std::int64_t cost,
                   const rg_shm_result& result, std::int64_t read_us);
  std::int64_t moment_us(int limit, const Window& window, std::int64_t read_us) const;
  std::int64_t time_us(int limit, int key, const Window& window, std::int64_t us) const;
  void by_socket(int limit, int key, std::int64_t cost);

  World& world_;
  int host_;
  std::uint32_t flow_;
  bool socket_only_;
  std::vector<Handle> handles_;
};

}  // namespace rategate::sim
