#include "daemon/limit/limit_table.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace rategate {
namespace {

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
  const auto is_taken = [&](const std::string& name) { return configured_.contains(name); };
  dropped = declared_.drop_taken(is_taken) || dropped;
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
  return declared_.find_or_add(declared_limit(name, rate, keyed),
                               [this](Limit limit) { return use_of(std::move(limit)); });
}

// No rule of shared memory is for them.
LimitUsePtr LimitTable::cell(const Rate& rate, std::int64_t burst) {
  return cells_.find_or_add(cell_limit(rate, burst), [](Limit limit) {
    return std::make_shared<LimitUse>(std::make_shared<const Limit>(std::move(limit)));
  });
}

std::vector<LimitUsePtr> LimitTable::all() const {
  std::vector<LimitUsePtr> result;
  for (const auto& [name, use] : configured_) result.push_back(use);
  result.insert(result.end(), declared_.all().begin(), declared_.all().end());
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
