#include "daemon/core/counters.hpp"

namespace rategate {
namespace {
// Idle counters beyond this are forgotten before their window is over: the store is asked once
// more than needed, and that is all.
constexpr std::size_t kMaxIdle = 262'144;
}  // namespace

std::uint32_t Counters::hash(const LimitUse* use, std::string_view key) const {
  // The limit's address is no secret that matters: the seed keeps the key's part unguessable.
  return static_cast<std::uint32_t>(
      sip_hash({seed_.k0 ^ reinterpret_cast<std::uintptr_t>(use), seed_.k1}, key));
}

std::uint32_t Counters::find_or_add(const LimitUsePtr& use, std::string_view key,
                                    const MayForget& may_forget) {
  const std::uint32_t hashed = hash(use.get(), key);
  const std::uint32_t found = index_.find(hashed, [&](std::uint32_t slot) {
    const Counter& counter = slots_[slot];
    return counter.use == use.get() && counter.key.view() == key;
  });
  if (found != CounterIndex::kNone) return found;
  for (int i = 0; i < 2 && slots() > 0; ++i) {
    sweep_at_ = sweep_at_ + 1 < slots() ? sweep_at_ + 1 : 0;
    forget_if(sweep_at_, may_forget);
  }
  const std::uint32_t slot = slots_.take();
  Counter& counter = slots_[slot];
  Held& held = held_[use.get()];
  held.use = use;
  ++held.counters;
  counter.use = use.get();
  counter.key = CompactKey(key);
  counter.live = true;
  index_.insert(hashed, slot);
  return slot;
}

void Counters::forget_if(std::uint32_t slot, const MayForget& may_forget) {
  Counter& counter = slots_[slot];
  const Waiting* const waits = waiting(counter);
  const bool idle = counter.live && !counter.listed && (waits == nullptr || waits->over());
  if (!idle || !may_forget(counter, index_.size() > kMaxIdle)) return;
  index_.erase(hash(counter.use, counter.key.view()), slot);
  ended_waiting(counter);
  if (counter.schedule != Slab<Schedule>::kNone) schedules_.give_back(counter.schedule);
  const auto held = held_.find(counter.use);
  slots_.give_back(slot);
  if (--held->second.counters == 0) held_.erase(held);
}

void Counters::sweep(const MayForget& may_forget) {
  for (std::uint32_t slot = 0; slot < slots(); ++slot) forget_if(slot, may_forget);
}

Waiting& Counters::make_waiting(Counter& counter) {
  if (counter.waiting == Slab<Waiting>::kNone) counter.waiting = waiting_.take();
  return waiting_[counter.waiting];
}

void Counters::ended_waiting(Counter& counter) {
  if (counter.waiting == Slab<Waiting>::kNone || !waiting_[counter.waiting].over()) return;
  waiting_.give_back(counter.waiting);
  counter.waiting = Slab<Waiting>::kNone;
}

Schedule& Counters::make_schedule(Counter& counter) {
  if (counter.schedule == Slab<Schedule>::kNone) counter.schedule = schedules_.take();
  return schedules_[counter.schedule];
}

}  // namespace rategate
