#include "daemon/core/counters.hpp"

namespace rategate {
namespace {
// Idle counters beyond this are forgotten before their window is over: the store is asked once
// more than needed, and that is all.
constexpr std::size_t kMaxIdle = 262'144;
}  // namespace

std::size_t Counters::Hash::operator()(const Ref& ref) const {
  // The limit's address is no secret that matters: the seed keeps the key's part unguessable.
  const HashSeed& seed = counters->seed_;
  return sip_hash({seed.k0 ^ reinterpret_cast<std::uintptr_t>(ref.use), seed.k1}, ref.key);
}

std::size_t Counters::Hash::operator()(std::uint32_t slot) const {
  const Counter& counter = counters->slots_[slot];
  return (*this)(Ref{counter.use.get(), counter.key});
}

bool Counters::Equal::operator()(const Ref& ref, std::uint32_t slot) const {
  const Counter& counter = counters->slots_[slot];
  return counter.use.get() == ref.use && counter.key == ref.key;
}

std::uint32_t Counters::find_or_add(const LimitUsePtr& use, std::string_view key,
                                    const MayForget& may_forget) {
  const auto found = index_.find(Ref{use.get(), key});
  if (found != index_.end()) return *found;
  for (int i = 0; i < 2 && !slots_.empty(); ++i) {
    sweep_at_ = sweep_at_ + 1 < slots() ? sweep_at_ + 1 : 0;
    forget_if(sweep_at_, may_forget);
  }
  if (free_.empty()) {
    free_.push_back(slots());
    slots_.emplace_back();
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  Counter& counter = slots_[slot];
  counter.use = use;
  counter.key = key;
  counter.live = true;
  index_.insert(slot);
  return slot;
}

void Counters::forget_if(std::uint32_t slot, const MayForget& may_forget) {
  Counter& counter = slots_[slot];
  if (!counter.idle() || !may_forget(counter, index_.size() > kMaxIdle)) return;
  index_.erase(slot);
  const std::uint32_t generation = counter.generation + 1;
  counter = Counter{};
  counter.generation = generation;
  free_.push_back(slot);
}

void Counters::sweep(const MayForget& may_forget) {
  for (std::uint32_t slot = 0; slot < slots(); ++slot) forget_if(slot, may_forget);
}

}  // namespace rategate
