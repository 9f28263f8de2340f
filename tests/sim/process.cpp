#include "tests/sim/process.hpp"

#include "tests/sim/hooks.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {
constexpr std::int64_t kCoarseFromMs = 200;
constexpr std::int64_t kCoarseLagNs = 20'000'000;
constexpr std::int64_t kMaxWaitNs = 1'000'000;
constexpr int kMaxWaits = 3;
}  // namespace

Process::Process(World& world, int host, std::uint32_t flow, bool socket_only)
    : world_(world),
      host_(host),
      flow_(flow),
      socket_only_(socket_only),
      handles_(world.scenario().limits.size()) {}

void Process::check(int limit, int key, std::int64_t cost) {
  const Daemon* const daemon = world_.daemon(host_);
  if (daemon != nullptr && daemon->is_suspended()) return;  // and so is this
  Handle& handle = handles_[static_cast<std::size_t>(limit)];
  if (in_place(handle, limit, key, cost, 0) == Outcome::Miss) by_socket(limit, key, cost);
}

Process::Outcome Process::in_place(Handle& handle, int limit, int key, std::int64_t cost,
                                   int waits) {
  if (handle.daemon == nullptr || !handle.rule.shared) return Outcome::Miss;
  if (handle.daemon->rules() != handle.rules) return Outcome::Miss;
  std::int64_t wait_ns = 0;
  if (waits == 0 && handle.rule.period_ms >= kCoarseFromMs) {
    const Outcome coarse = look(handle, limit, key, cost, kCoarseLagNs, &wait_ns);
    if (coarse != Outcome::Later) return coarse;
  }
  const Outcome precise = look(handle, limit, key, cost, 0, &wait_ns);
  if (precise != Outcome::Later) return precise;
  if (waits == kMaxWaits || wait_ns >= kMaxWaitNs) return Outcome::Miss;
  world_.events().in(wait_ns / 1000 + 1, [this, &handle, limit, key, cost, waits] {
    if (handle.daemon->is_suspended()) return by_socket(limit, key, cost);
    if (in_place(handle, limit, key, cost, waits + 1) == Outcome::Miss) by_socket(limit, key, cost);
  });
  return Outcome::Later;
}

// The clock is read here, and that is the moment of what comes of it.
Process::Outcome Process::look(Handle& handle, int limit, int key, std::int64_t cost,
                               std::int64_t lag_ns, std::int64_t* wait_ns) {
  const std::int64_t read_us = world_.events().now();
  const std::int64_t behind_ns = lag_ns == 0 ? 0 : world_.random().below(lag_ns + 1);
  const std::int64_t now_ns = handle.daemon->clock().clients_ns(read_us) - behind_ns;
  const std::string_view bytes = handle.rule.keyed ? world_.key(limit, key) : std::string_view();
  const rg_identity id =
      rg_identity_of(handle.rule.id, bytes.data(), bytes.size(), handle.view.digest_secret);
  // The handle may be another by the time the check is done.
  const Handle used = handle;
  rg_shm_result result{};
  const rg_shm_outcome outcome =
      rg_shm_check(&used.view, &used.rule, bytes.empty() ? nullptr : &id,
                   bytes.empty() ? used.slot : RG_SHM_NO_HINT, cost, now_ns, lag_ns, &result);
  *wait_ns = result.wait_ns;
  if (outcome == RG_SHM_MISS) return Outcome::Miss;
  if (outcome == RG_SHM_BETWEEN) return Outcome::Later;
  if (handle.daemon == used.daemon) handle.slot = result.slot;
  Handle copy = used;
  decided(copy, limit, key, cost, id, result, read_us);
  return Outcome::Answered;
}

void Process::decided(Handle& used, int limit, int key, std::int64_t cost, const rg_identity& id,
                      const rg_shm_result& result, std::int64_t read_us) {
  Daemon& daemon = *used.daemon;
  Checker& checker = world_.checker();
  const std::int64_t start_ms = result.window_end_ms - used.rule.period_ms;
  Checker::Account& account = world_.account(limit, key, start_ms * 1000);
  if (!result.allowed) {
    checker.denied(account, cost, used.rule.limit);
    return;
  }
  // Nothing has happened since the swap, so what stands there now stood there then.
  if (rg_clock_of(&used.view.slots[result.slot], &id) == RG_NO_CLOCK) {
    checker.fail(account.name + ": a permit of another pool was spent");
  }
  if (daemon.alive() && !daemon.has_rule(used.rule.id)) {
    checker.fail(account.name + ": a permit of a limit that is no more was spent");
  }
  daemon.client_spent(used.rule.id, cost);
  // Now and then a process dies right after the swap: spent, and nobody was told.
  const bool told = !world_.random().one_in(200);
  checker.spent(daemon.id(), account, cost, told, time_us(limit, key, account.window, read_us));
  if (result.nudge && !world_.random().one_in(20)) {
    world_.events().in(5 + world_.random().below(100), [&daemon, slot = result.slot] {
      daemon.when_awake([&daemon, slot] { daemon.nudge(slot); });
    });
  }
}

// By the clocks that tell the counter's windows.
std::int64_t Process::time_us(int limit, int key, const Window& window, std::int64_t us) const {
  const Cluster* const cluster = world_.cluster();
  return cluster == nullptr ? us : cluster->time_us(world_.counter(limit, key), window, us);
}

void Process::by_socket(int limit, int key, std::int64_t cost) {
  Daemon* daemon = world_.daemon(host_);
  if (daemon == nullptr) return;  // nobody listens
  world_.events().in(10 + world_.random().below(100), [this, daemon, limit, key, cost] {
    daemon->when_awake([this, daemon, limit, key, cost] {
      daemon->ask(limit, key, cost, flow_);
      daemon->pump();
      if (socket_only_) return;
      Handle& handle = handles_[static_cast<std::size_t>(limit)];
      if (handle.daemon == daemon && handle.rules == daemon->rules()) return;
      handle.daemon = daemon;
      handle.view = daemon->view();
      handle.rules = daemon->rules();
      handle.rule = daemon->resolve(limit);
      handle.slot = RG_SHM_NO_HINT;
    });
  });
}

}  // namespace rategate::sim
