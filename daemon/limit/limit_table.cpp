#include "daemon/limit/limit_table.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <numeric>
#include <utility>

namespace rategate {
namespace {

// Of those that were longest unused, so many are looked at for one that no counter is of.
constexpr int kLooks = 16;

// A limit whose windows are of another length has other ones anyway; a bucket goes on, if it has
// the same name.
bool same_counters(const Limit& a, const Limit& b) {
  const auto name = [](const Limit& limit) {
    return CounterNames(limit.redis_key, limit.name, limit.period_ms).of("", 0);
  };
  const bool buckets = !a.algorithm->has_windows && !b.algorithm->has_windows;
  return a.redis_key.text() == b.redis_key.text() && a.spread == b.spread &&
         (!buckets || name(a) == name(b));
}

}  // namespace

Placed LimitUse::place_anew(const ClockReading& reading) {
  const Placed placed = limit->algorithm->place(reading, limit->period_ms);
  if (placed.open) window = placed.window;
  return placed;
}

std::uint64_t LimitUse::in_all(std::uint64_t LimitUse::* count) const {
  return std::accumulate(
      subs.begin(), subs.end(), this->*count,
      [&](std::uint64_t sum, const LimitUsePtr& each) { return sum + (*each).*count; });
}

LimitUsePtr LimitTable::use_of(Limit limit) {
  auto use =
      std::make_shared<LimitUse>(std::make_shared<const Limit>(std::move(limit)), ++last_rule_);
  if (use->limit->spread == 1) return use;
  use->leased = false;  // it has no pools: shared memory does not decide it
  std::vector<Limit> subs = sub_limits_of(*use->limit);
  const std::size_t first = host_ % subs.size();
  std::rotate(subs.begin(), subs.begin() + static_cast<std::ptrdiff_t>(first), subs.end());
  std::int64_t after = use->limit->permits;
  for (Limit& each : subs) {
    LimitUse& sub = *use->subs.emplace_back(
        std::make_shared<LimitUse>(std::make_shared<const Limit>(std::move(each))));
    sub.spread_of = use;
    sub.sub = use->subs.size() - 1;
    sub.permits_after = after -= sub.limit->permits;
    sub.shown = use->limit;
  }
  return use;
}

void LimitTable::drop(LimitUse& use) {
  use.dropped = true;
  for (const LimitUsePtr& sub : use.subs) sub->dropped = true;
}

LimitTable::Change LimitTable::configure(const std::vector<Limit>& limits, std::int64_t now_ms) {
  Change change;
  bool& dropped = change.dropped;
  std::map<std::string, LimitUsePtr, std::less<>> next;
  for (const Limit& limit : limits) {
    const auto known = configured_.find(limit.name);
    const LimitUsePtr& before = known != configured_.end() ? known->second : none_;
    LimitUsePtr& use = next[limit.name];
    if (before != nullptr && same_limit(*before->limit, limit)) {
      use = before;
      continue;
    }
    use = use_of(limit);
    if (before == nullptr) continue;
    use->moved_ms = before->moved_ms;
    if (limit.algorithm->has_windows && before->limit->period_ms != limit.period_ms) {
      change.anew.push_back(limit.name);
    }
    if (!same_counters(*before->limit, limit)) {
      use->moved_ms = now_ms;
      change.moved.push_back(limit.name);
    }
    for (const LimitUsePtr& sub : use->subs) sub->moved_ms = use->moved_ms;
  }
  configured_.swap(next);
  seen_.fill({});
  for (const auto& [name, use] : next) {
    const auto kept = configured_.find(name);
    if (kept != configured_.end() && kept->second == use) continue;
    drop(*use);
    dropped = true;
  }
  // A limit that was declared so far may have a configured one before it now.
  for (auto it = declared_.begin(); it != declared_.end();) {
    const Limit& limit = *(*it)->limit;
    if (!configured_.contains(limit.name)) {
      ++it;
      continue;
    }
    (*it)->dropped = dropped = true;
    it = erase_declared(it);
  }
  std::erase_if(aside_, [&](const auto& entry) {
    const LimitUsePtr use = entry.second.lock();
    const bool gone = use == nullptr || configured_.contains(use->limit->name);
    if (gone && use != nullptr) use->dropped = dropped = true;
    return gone;
  });
  return change;
}

const LimitUsePtr& LimitTable::configured(std::string_view name) const {
  if (name.empty()) return none_;
  // Names of one service are often of one length and differ at the end.
  const std::size_t place = name.size() + 7 * std::size_t{static_cast<unsigned char>(name.back())};
  Seen& seen = seen_[place % seen_.size()];
  if (seen.name == name) return *seen.use;
  const auto found = configured_.find(name);
  if (found == configured_.end()) return none_;
  seen = {found->first, &found->second};
  return found->second;
}

LimitUsePtr LimitTable::declared(std::string_view name, const Rate& rate, bool keyed) {
  Limit limit = declared_limit(name, rate, keyed);
  Declaration declaration = declaration_of(limit);
  const auto known = by_declaration_.find(declaration);
  if (known != by_declaration_.end()) {
    declared_.splice(declared_.begin(), declared_, known->second);
    return declared_.front();
  }
  if (declared_.size() >= max_declared_) make_room();
  LimitUsePtr use = remembered(declaration);
  if (use == nullptr) {
    use = use_of(std::move(limit));
  }
  declared_.push_front(std::move(use));
  by_declaration_.emplace(std::move(declaration), declared_.begin());
  return declared_.front();
}

LimitTable::Declaration LimitTable::declaration_of(const Limit& limit) {
  return {limit.name, limit.permits, limit.period_ms, !limit.redis_key.has_key()};
}

LimitTable::Recent::iterator LimitTable::erase_declared(Recent::iterator at) {
  by_declaration_.erase(declaration_of(*(*at)->limit));
  return declared_.erase(at);
}

void LimitTable::make_room() {
  Recent::iterator gives_way = std::prev(declared_.end());
  Recent::iterator at = declared_.end();
  for (int looks = 0; looks < kLooks && at != declared_.begin(); ++looks) {
    // Only the table itself holds what no counter is of any more.
    if ((--at)->use_count() > 1) continue;
    gives_way = at;
    break;
  }
  if (gives_way->use_count() > 1) {
    ++gave_way_;
    remember(*gives_way);
  }
  erase_declared(gives_way);
}

void LimitTable::remember(const LimitUsePtr& use) {
  for (int looks = 0; looks < 2 && !aside_.empty(); ++looks) {
    auto at = aside_.upper_bound(looked_at_);
    if (at == aside_.end()) at = aside_.begin();
    looked_at_ = at->first;
    if (at->second.expired()) aside_.erase(at);
  }
  aside_[declaration_of(*use->limit)] = use;
}

LimitUsePtr LimitTable::remembered(const Declaration& declaration) {
  const auto known = aside_.find(declaration);
  if (known == aside_.end()) return nullptr;
  LimitUsePtr use = known->second.lock();
  aside_.erase(known);
  return use;
}

std::vector<LimitUsePtr> LimitTable::all() const {
  std::vector<LimitUsePtr> result;
  for (const auto& [name, use] : configured_) result.push_back(use);
  result.insert(result.end(), declared_.begin(), declared_.end());
  return result;
}

std::vector<std::string_view> LimitTable::names_near(std::string_view name,
                                                     std::size_t most) const {
  std::vector<std::string_view> result;
  auto at = configured_.lower_bound(name);
  for (std::size_t before = 0; before < most / 2 && at != configured_.begin(); ++before) --at;
  for (; result.size() < most && at != configured_.end(); ++at) result.push_back(at->first);
  return result;
}

}  // namespace rategate
