#include "tests/sim/process.hpp"

#include "tests/sim/hooks.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {
constexpr std::int64_t kCoarseFromMs = 200;
constexpr std::int64_t kCoarseLagNs = 20'000'000;
constexpr std::int64_t kMaxWaitNs = 1'000'000;
constexpr int kMaxWaits = 3;
// So manieth of the checks of a process is of several limits at once, where some are.
constexpr std::int64_t kCombineOneIn = 3;
constexpr std::int64_t kMostMore = 3;
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
  const bool combines = world_.scenario().combines && world_.random().one_in(kCombineOneIn);
  const Outcome outcome =
      combines ? combine({limit, key, cost}) : in_place(handle, limit, key, cost, 0);
  if (outcome == Outcome::Miss) by_socket(limit, key, cost);
}

Process::Outcome Process::in_place(Handle& handle, int limit, int key, std::int64_t cost,
                                   int waits) {
  if (handle.daemon == nullptr || !handle.rule.shared) return Outcome::Miss;
  if (handle.daemon->rules() != handle.rules) return Outcome::Miss;
  if (handle.rule.kind != RG_RULE_WINDOWS) return look_at_slices(handle, limit, key, cost);
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

std::int64_t Process::read(const Daemon& daemon, std::int64_t lag_ns) {
  const std::int64_t behind_ns = lag_ns == 0 ? 0 : world_.random().below(lag_ns + 1);
  return daemon.clock().clients_ns(world_.events().now()) - behind_ns;
}

Process::Asked Process::asked_of(const Handle& handle, int limit, int key) const {
  const std::string_view bytes = handle.rule.keyed ? world_.key(limit, key) : std::string_view();
  return {rg_identity_of(handle.rule.id, bytes.data(), bytes.size(), handle.view.digest_secret),
          !bytes.empty()};
}

// The clock is read here, and that is the moment of what comes of it.
Process::Outcome Process::look(Handle& handle, int limit, int key, std::int64_t cost,
                               std::int64_t lag_ns, std::int64_t* wait_ns) {
  const std::int64_t read_us = world_.events().now();
  const std::int64_t now_ns = read(*handle.daemon, lag_ns);
  const Asked asked = asked_of(handle, limit, key);
  // The handle may be another by the time the check is done.
  const Handle used = handle;
  rg_shm_result result{};
  const rg_shm_outcome outcome =
      rg_shm_check(&used.view, &used.rule, asked.key(), asked.has_key ? RG_SHM_NO_HINT : used.slot,
                   {cost, now_ns, lag_ns, false}, &result);
  *wait_ns = result.wait_ns;
  if (outcome == RG_SHM_MISS) return Outcome::Miss;
  if (outcome == RG_SHM_BETWEEN) return Outcome::Later;
  if (handle.daemon == used.daemon) handle.slot = result.slot;
  Handle copy = used;
  decided(copy, limit, key, cost, asked.id, result, read_us);
  return Outcome::Answered;
}

// How the library reads the clock, and when it did so last.
struct Process::Readings {
  Process& process;
  const Daemon& daemon;
  std::int64_t last_us;

  std::int64_t read(std::int64_t lag_ns) {
    last_us = process.world_.events().now();
    return process.read(daemon, lag_ns);
  }
  rg_shm_reader reader() {
    return {[](void* of) { return static_cast<Readings*>(of)->read(kCoarseLagNs); },
            [](void* of) { return static_cast<Readings*>(of)->read(0); }, this, kCoarseLagNs};
  }
};

// The library says when the clock is read. Of a permit that is spent the last reading is the
// moment, and of a denial some moment of the whole call.
Process::Outcome Process::look_at_slices(Handle& handle, int limit, int key, std::int64_t cost) {
  const Asked asked = asked_of(handle, limit, key);
  const Handle used = handle;
  const std::int64_t begun_us = world_.events().now();
  Readings readings{*this, *used.daemon, begun_us};
  const rg_shm_reader reader = readings.reader();
  rg_shm_result result{};
  const rg_shm_outcome outcome = rg_shm_check_slices(&used.view, &used.rule, asked.key(),
                                                     asked.has_key ? RG_SHM_NO_HINT : used.slot,
                                                     cost, false, &reader, &result);
  if (outcome == RG_SHM_MISS) return Outcome::Miss;
  if (outcome != RG_SHM_DECIDED) {
    world_.checker().fail("a check of slices is neither decided nor missed");
  }
  if (handle.daemon == used.daemon) handle.slot = result.slot;
  Handle copy = used;
  decided(copy, limit, key, cost, asked.id, result, result.allowed ? readings.last_us : begun_us);
  return Outcome::Answered;
}

std::vector<Process::Wanted> Process::wanted_with(Wanted first) {
  Random& random = world_.random();
  const auto& limits = world_.scenario().limits;
  std::vector<Wanted> wanted{first};
  const std::int64_t more = random.between(1, kMostMore);
  for (std::int64_t i = 0; i < more; ++i) {
    const int limit = static_cast<int>(random.below(static_cast<std::int64_t>(limits.size())));
    const bool keyed = limits[static_cast<std::size_t>(limit)].keyed;
    const int key = keyed ? static_cast<int>(random.below(world_.scenario().keys)) : 0;
    wanted.push_back({limit, key, random.between(1, world_.scenario().max_cost)});
  }
  return wanted;
}

// All members have to be known to be in one segment; else the first is asked for, alone, of the
// daemon.
Process::Outcome Process::combine(Wanted first) {
  const std::vector<Wanted> wanted = wanted_with(first);
  std::vector<Handle> used;
  std::vector<Asked> asked;
  std::vector<rg_shm_member> members;
  Daemon* const daemon = handles_[static_cast<std::size_t>(first.limit)].daemon;
  for (const Wanted& want : wanted) {
    const Handle& handle = handles_[static_cast<std::size_t>(want.limit)];
    if (handle.daemon == nullptr || handle.daemon != daemon || !handle.rule.shared) {
      return Outcome::Miss;
    }
    if (handle.daemon->rules() != handle.rules) return Outcome::Miss;
    used.push_back(handle);
    asked.push_back(asked_of(handle, want.limit, want.key));
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    members.push_back({&used[i].rule, asked[i].key(),
                       asked[i].has_key ? RG_SHM_NO_HINT : used[i].slot, wanted[i].cost});
  }
  const std::int64_t begun_us = world_.events().now();
  Readings readings{*this, *daemon, begun_us};
  const rg_shm_reader reader = readings.reader();
  const auto carry = [&](std::int64_t sign) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      daemon->client_carries(used[i].rule.id, sign * wanted[i].cost);
    }
  };
  rg_shm_combined told{};
  carry(1);
  const rg_shm_outcome outcome =
      rg_shm_check_members(&used.front().view, members.data(),
                           static_cast<std::uint32_t>(members.size()), &reader, &told);
  carry(-1);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if ((told.stranded >> i & 1) != 0) daemon->client_spent(used[i].rule.id, wanted[i].cost);
  }
  if (outcome != RG_SHM_DECIDED) return Outcome::Miss;
  combined(wanted, used, told, begun_us, readings.last_us);
  return Outcome::Answered;
}

void Process::combined(const std::vector<Wanted>& wanted, const std::vector<Handle>& used,
                       const rg_shm_combined& combined, std::int64_t begun_us,
                       std::int64_t read_us) {
  used.front().daemon->client_decided();
  const Wanted& named = wanted[combined.named];
  const rg_shm_result& result = combined.result[combined.named];
  if (!result.allowed) {
    return judge_denial(used[combined.named], named.limit, named.key, named.cost, result, begun_us);
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    judge_spent(used[i], wanted[i].limit, wanted[i].key, wanted[i].cost, combined.result[i],
                read_us);
  }
}

void Process::decided(Handle& used, int limit, int key, std::int64_t cost, const rg_identity& id,
                      const rg_shm_result& result, std::int64_t read_us) {
  used.daemon->client_decided();
  if (!result.allowed) return judge_denial(used, limit, key, cost, result, read_us);
  // Nothing has happened since the swap, so what stands there now stood there then.
  if (rg_clock_of(&used.view.slots[result.slot], &id) == RG_NO_CLOCK) {
    world_.checker().fail(std::string(world_.key(limit, key)) +
                          ": a permit of another pool was spent");
  }
  if (used.daemon->alive() && !used.daemon->has_rule(used.rule.id)) {
    world_.checker().fail("a permit of a limit that is no more was spent");
  }
  judge_spent(used, limit, key, cost, result, read_us);
}

void Process::judge_denial(const Handle& used, int limit, int key, std::int64_t cost,
                           const rg_shm_result& result, std::int64_t read_us) {
  Checker& checker = world_.checker();
  if (result.blocked) {
    return checker.denied_by_block(used.daemon->block_name(used.rule.id, world_.key(limit, key)),
                                   read_us);
  }
  const bool slices = used.rule.kind != RG_RULE_WINDOWS;
  const Checker::Account& account =
      world_.account(limit, key, slices ? read_us : result.window_end_ms * 1000 - 1);
  if (!slices) return checker.denied(account, cost, result.limit);
  checker.denied(used.daemon->id(), account, cost,
                 used.daemon->bucket_numbers(used.rule.id, world_.key(limit, key)), read_us,
                 world_.events().now());
}

void Process::judge_spent(const Handle& used, int limit, int key, std::int64_t cost,
                          const rg_shm_result& result, std::int64_t read_us) {
  Daemon& daemon = *used.daemon;
  Checker& checker = world_.checker();
  const bool slices = used.rule.kind != RG_RULE_WINDOWS;
  Checker::Account& account =
      world_.account(limit, key, slices ? read_us : result.window_end_ms * 1000 - 1);
  daemon.client_spent(used.rule.id, cost);
  // Now and then a process dies right after the swap: spent, and nobody was told.
  const bool told = !world_.random().one_in(200);
  if (slices) {
    // The moment is between the reading and the swap, and is told by then.
    checker.spent(daemon.id(), account, cost, told, read_us);
    Checker::spent_of_leases(daemon.id(), account, cost, read_us);
    if (told) Checker::allowed(account, cost, read_us, world_.events().now());
    if (told && daemon.alive()) daemon.client_took(limit, key, cost, result.window_end_ms, read_us);
  } else {
    checker.spent(daemon.id(), account, cost, told,
                  time_us(limit, key, account.window, moment_us(limit, account.window, read_us)));
  }
  if (result.nudge && !world_.random().one_in(20)) {
    world_.events().in(5 + world_.random().below(100), [&daemon, slot = result.slot] {
      daemon.when_awake([&daemon, slot] { daemon.nudge(slot); });
    });
  }
}

// When it was decided, between the reading of the clock and now. A word of a calendar is there from
// when its window is open, so that it may have opened after the reading, and not after the swap.
std::int64_t Process::moment_us(int limit, const Window& window, std::int64_t read_us) const {
  const LimitPlan& plan = world_.scenario().limits[static_cast<std::size_t>(limit)];
  return plan.uneven && read_us < window.start_ms * 1000 ? world_.events().now() : read_us;
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
