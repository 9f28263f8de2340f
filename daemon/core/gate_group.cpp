// Combined checks whose members are decided by one call of the store's script: docs/combined.md.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/hash_slot.hpp"
#include "daemon/core/gate.hpp"

namespace rategate {
namespace {

// A check that was asked for so often, and neither allowed nor denied, is decided member by member.
constexpr std::uint8_t kMostGroups = 4;

// Whether it can be decided together with others: what it takes is taken by the check alone, of one
// counter, and not ahead. A block is looked at for its counter alone.
bool may_be_grouped(const LimitUse& use) {
  const Limit& limit = *use.limit;
  return limit.kind == KeyRuleKind::Limited && !limit.shadow && !use.leased && !use.blocks &&
         !use.is_sub() && use.subs.empty();
}

}  // namespace

// The counter of a member that can be decided together with others at this moment, by its name;
// empty: it cannot.
std::string Gate::grouped_counter(const Part& part, Mono now) {
  if (part.state != Part::State::Open || !part.member.limit->subs.empty()) return {};
  const CounterId id = counter_of({part.member.limit, part.member.key}, now);
  const Counter& counter = counters_[id];
  const LimitUse& use = *counter.use;
  const Shard& shard = shards_[counter.shard.value];
  const Line* const line = counters_.line(counter);
  if (!may_be_grouped(use) || part.member.cost > use.most_cost || part.member.cost < 1) return {};
  if (!shard.health.is_up() || use.refusals > 0 || now < use.refused_until) return {};
  if (counter.clearing || (line != nullptr && line->acquire)) return {};
  const auto reading = shard.usable(*use.limit, now);
  const Placed at = reading ? counter.use->place(*reading) : Placed{};
  if (!at.open || decider_.held(counter, at.window, now) > 0) return {};
  if (!has_counted(decider_.state_of(counter, at.window, now))) return {};
  return use.names.of(counter.key.view(), at.window.start_ms);
}

// Whether all members can be.
bool Gate::may_group(const CombinedCheck& check, Mono now) {
  if (!check.takes || check.parts.size() < 2 || check.grouped == kMostGroups) return false;
  std::vector<std::string> names;
  std::uint16_t slot = 0;  // of the first
  for (const Part& part : check.parts) {
    std::string name = grouped_counter(part, now);
    if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) return false;
    const std::uint16_t own = slot_of_key(name);
    if (names.empty()) slot = own;
    if (own != slot) return false;
    names.push_back(std::move(name));
  }
  return true;
}

// All of them wait, and are asked for by one call; or one of them denies at once.
void Gate::ask_group(CombinedCheck& check, Mono now) {
  ++check.grouped;
  for (Part& part : check.parts) ask_part(check, part, now);
  std::vector<WaiterId> windows;
  std::vector<WaiterId> buckets;
  for (const Part& part : check.parts) {
    if (part.state != Part::State::Asked) return;
    const bool has_windows = part.member.limit->limit->algorithm->has_windows;
    (has_windows ? windows : buckets).push_back(part.waiter);
  }
  // Windows first: what was taken of them can be taken off again where the store refuses another
  // one.
  windows.insert(windows.end(), buckets.begin(), buckets.end());
  reserver_.group(check.number, std::move(windows));
}

}  // namespace rategate
