#include "daemon/core/counters.hpp"

#include "daemon/limit/key_uses.hpp"

namespace rategate {
namespace {
// Idle counters beyond this are forgotten before their window is over: the store is asked once
// more than needed, and what this host knew of them is not told if the store loses them.
constexpr std::size_t kMaxIdle = 262'144;
}  // namespace

std::uint32_t Counters::hash(const LimitUse* use, std::string_view key) const {
  // The tally's address is no secret that matters: the seed keeps the key's part unguessable.
  return static_cast<std::uint32_t>(
      sip_hash({seed_.k0 ^ reinterpret_cast<std::uintptr_t>(use->tally.get()), seed_.k1}, key));
}

CounterId Counters::find_or_add(const LimitUsePtr& use, std::string_view key, ShardId shard,
                                const MayForget& may_forget) {
  const std::uint32_t hashed = hash(use.get(), key);
  const CounterId found = index_.find(hashed, [&](CounterId id) {
    const LimitUse* const known = slots_[id].use;
    return (known == use.get() || known->tally == use->tally) && slots_[id].key.view() == key;
  });
  if (!found.is_none()) return found;
  for (int i = 0; i < 2 && slots_.size() > 0; ++i) {
    sweep_at_ = {sweep_at_.value + 1 < slots_.size() ? sweep_at_.value + 1 : 0};
    forget_if(sweep_at_, may_forget);
  }
  const CounterId id = slots_.take();
  Counter& counter = slots_[id];
  const LimitUsePtr by_rule = use->by_key != nullptr ? use->by_key->find(key, use->sub) : nullptr;
  const LimitUsePtr& counted = by_rule != nullptr ? by_rule : use;
  Held& held = held_[counted.get()];
  held.use = counted;
  ++held.counters;
  counter.use = counted.get();
  counter.key = CompactKey(key);
  counter.shard = shard;
  counter.live = true;
  index_.insert(hashed, id);
  return id;
}

void Counters::forget_if(CounterId id, const MayForget& may_forget) {
  Counter& counter = slots_[id];
  const Line* const before = line(counter);
  const bool idle = counter.live && !counter.lease_listed && !counter.unmeasured &&
                    !counter.recount_listed && !counter.clearing &&
                    (before == nullptr || before->over());
  if (!idle || !may_forget(counter, index_.size() > kMaxIdle)) return;
  index_.erase(hash(counter.use, counter.key.view()), id);
  ended_line(counter);
  if (!counter.schedule.is_none()) schedules_.give_back(counter.schedule);
  const auto held = held_.find(counter.use);
  slots_.give_back(id);
  if (--held->second.counters == 0) held_.erase(held);
}

Line& Counters::make_line(CounterId id) {
  Counter& counter = slots_[id];
  if (counter.line.is_none()) {
    counter.line = lines_.take();
    lines_[counter.line].counter = id;
  }
  return lines_[counter.line];
}

void Counters::ended_line(Counter& counter) {
  if (counter.line.is_none() || !lines_[counter.line].over()) return;
  lines_.give_back(counter.line);
  counter.line = {};
}

Schedule& Counters::make_schedule(Counter& counter) {
  if (counter.schedule.is_none()) counter.schedule = schedules_.take();
  return schedules_[counter.schedule];
}

}  // namespace rategate
