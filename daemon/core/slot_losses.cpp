#include "daemon/core/slot_losses.hpp"

#include <algorithm>

#include "daemon/core/shard.hpp"

namespace rategate {

void SlotLosses::reaches(std::int64_t us) { newest_us_ = std::max(newest_us_, us); }

void SlotLosses::put_off(Slot& slot, const ClockReading& there) {
  const std::int64_t told_by_us = there.latest.us + LostWindows::kTellingUs + kMaxSkewUs;
  slot.lost.told_by_us = std::max(slot.lost.told_by_us, told_by_us);
}

void SlotLosses::left(std::uint16_t number, ShardId from, Mono seen,
                      const std::optional<ClockReading>& here, Mono now) {
  Slot& slot = slots_[number];
  std::erase_if(slot.left, [&](const Left& known) {
    return known.from == from || now >= after(known.at, kLatelyUs);
  });
  slot.left.push_back({from, seen, now});
  std::erase_if(slot.doubts, [&](const Doubt& known) { return now >= known.until; });
  for (Doubt& known : slot.doubts) {
    // By the clock of those windows.
    if (here) known.through = std::max(known.through, here->latest);
    reaches(known.through.us);
  }
}

std::optional<SlotLosses::Left> SlotLosses::last_left(std::uint16_t number) const {
  const Slot* const slot = find(number);
  if (slot == nullptr || slot->left.empty()) return std::nullopt;
  return slot->left.back();
}

// Who could not tell while the slot was on its way tells where it has come. Long after a loss
// nobody has anything left to tell of it.
void SlotLosses::add(std::uint16_t number, const LostWindows& lost,
                     const std::optional<ClockReading>& there, bool unseen) {
  Slot& slot = slots_[number];
  LostThrough more = lost.all();
  if (more.all_us != INT64_MIN) {
    more.all_us += kMaxSkewUs;
    more.told_by_us += kMaxSkewUs;
    if (more.uncounted_us != INT64_MIN) more.uncounted_us += kMaxSkewUs;
    if (!there) more.uncounted_us = more.all_us;
    slot.lost.add(more);
  }
  if (there && (unseen || is_untold(slot.lost, *there))) put_off(slot, *there);
  reaches(slot.lost.all_us);
}

void SlotLosses::doubt(std::uint16_t number, ShardId of, StoreTime through, Mono now) {
  Slot& slot = slots_[number];
  std::erase_if(slot.doubts, [&](const Doubt& known) { return known.of == of; });
  slot.doubts.push_back({of, through, after(now, kLatelyUs)});
  reaches(through.us);
}

void SlotLosses::greeted(ShardId of) {
  for (auto& [number, slot] : slots_) {
    std::erase_if(slot.doubts, [&](const Doubt& known) { return known.of == of; });
  }
}

void SlotLosses::heard(ShardId of, const LostWindows& lost, Mono at, const ClockReading& there,
                       Mono now) {
  for (const auto& [number, slot] : slots_) {
    if (concerns(number, of, at, now)) add(number, lost, there, true);
  }
}

// A shard that was promoted long after the slot had left has lost nothing of it; nor has one that
// had lost it all before the slot was seen elsewhere.
bool SlotLosses::is_concerned(const Left& left, ShardId of, Mono lost_at, Mono now) {
  if (now >= after(left.at, kLatelyUs)) return false;
  if (lost_at == kNever) return true;
  if (lost_at > after(left.at, kGreetedByUs)) return false;
  return left.from == of || after(lost_at, kMaxSkewUs) >= left.seen;
}

bool SlotLosses::led(std::uint16_t number, ShardId to, const LostWindows& lost,
                     const std::optional<ClockReading>& there, Mono now) {
  slots_[number].led = Led{to, now};
  if (!lost.any() || (there && !is_untold(lost.all(), *there))) return false;
  add(number, lost, there, false);
  return true;
}

void SlotLosses::came(std::uint16_t number, const LostWindows& lost, const ClockReading& here) {
  if (!lost.any() || !is_untold(lost.all(), here)) return;
  put_off(slots_[number], here);
  reaches(lost.all().all_us);
}

bool SlotLosses::concerns(std::uint16_t number, ShardId of, Mono at, Mono now) const {
  const Slot* const slot = find(number);
  if (slot == nullptr) return false;
  const auto& led = slot->led;
  if (led && led->to == of && now < after(led->at, kLatelyUs)) return true;
  return std::any_of(slot->left.begin(), slot->left.end(),
                     [&](const Left& one) { return is_concerned(one, of, at, now); });
}

void SlotLosses::on_its_way(std::uint16_t number, const LostWindows& lost,
                            const ClockReading& there) {
  LostThrough known = this->lost(number);
  known.add(lost.all());
  if (is_untold(known, there)) put_off(slots_[number], there);
  reaches(known.all_us);
}

LostThrough SlotLosses::lost(std::uint16_t number) const {
  const Slot* const slot = find(number);
  return slot == nullptr ? LostThrough{} : slot->lost;
}

bool SlotLosses::is_doubted(std::uint16_t number, const Window& window, std::int64_t lead_us,
                            Mono now) const {
  const Slot* const slot = find(number);
  if (slot == nullptr) return false;
  return std::any_of(slot->doubts.begin(), slot->doubts.end(), [&](const Doubt& doubt) {
    return now < doubt.until && window.start_ms * 1000 <= doubt.through.us + lead_us;
  });
}

std::size_t SlotLosses::doubts(std::uint16_t number) const {
  const Slot* const slot = find(number);
  return slot == nullptr ? 0 : slot->doubts.size();
}

}  // namespace rategate
