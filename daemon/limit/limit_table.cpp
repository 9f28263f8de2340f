#include "daemon/limit/limit_table.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "daemon/limit/key_uses.hpp"
#include "shm/layout.h"

namespace rategate {
namespace {

// As many as shared memory has room for: shm/layout.h.
constexpr std::uint64_t kMostRules = std::uint64_t{1} << RG_RULE_BITS;

// A limit whose windows are of another length has other ones anyway; a bucket goes on, if it has
// the same name.
bool same_counters(const Limit& a, const Limit& b) {
  const auto name = [](const Limit& limit) { return counter_names(limit).of("", 0); };
  const bool buckets = !a.algorithm->has_windows && !b.algorithm->has_windows;
  return a.redis_key.text() == b.redis_key.text() && a.spread == b.spread && a.key == b.key &&
         a.prefixes == b.prefixes &&
         (!buckets || (a.algorithm == b.algorithm && name(a) == name(b)));
}

bool same_periods(const Limit& a, const Limit& b) {
  const auto periods = [](const Limit& limit) {
    std::vector<std::string> texts;
    for (const Limit& window : windows_of(limit)) texts.push_back(period_text(window));
    return texts;
  };
  return periods(a) == periods(b);
}

}  // namespace

LimitUsePtr LimitTable::use_of(Limit limit) {
  const std::uint64_t windows = is_combined(limit) ? windows_of(limit).size() : 0;
  // There are so many in a segment; limits that come after are asked for over the socket.
  if (last_rule_ + windows + 1 >= kMostRules) return make_limit_use(std::move(limit), 0, host_);
  const std::uint64_t rule = ++last_rule_;
  last_rule_ += windows;
  return make_limit_use(std::move(limit), rule, host_);
}

void LimitTable::find_parent(LimitUse& use) const {
  const auto found = configured_.find(use.limit->parent);
  use.parent = found != configured_.end() ? found->second : nullptr;
}

// Those of names that have a limit of their own now, and all of them where they are counted
// otherwise than before.
bool LimitTable::drop_unnamed(const LimitUsePtr& default_before) {
  const bool all = default_ != default_before;
  return unnamed_.drop_taken(
      [&](const std::string& name) { return all || configured_.contains(name); });
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
    std::int64_t moved_ms = before->moved_ms;
    if (limit.algorithm->has_windows && !same_periods(*before->limit, limit)) {
      change.anew.push_back(limit.name);
    }
    if (!same_counters(*before->limit, limit)) {
      moved_ms = now_ms;
      change.moved.push_back(limit.name);
    }
    move_limit_use(*use, moved_ms);
  }
  configured_.swap(next);
  seen_.fill({});
  for (const auto& [name, use] : configured_) find_parent(*use);
  for (const LimitUsePtr& use : unnamed_.all()) find_parent(*use);
  for (const auto& [name, use] : next) {
    const auto kept = configured_.find(name);
    if (kept != configured_.end() && kept->second == use) continue;
    drop_limit_use(*use);
    dropped = true;
  }
  const auto default_now = configured_.find(kDefaultName);
  const LimitUsePtr default_before =
      std::exchange(default_, default_now != configured_.end() ? default_now->second : nullptr);
  dropped = drop_unnamed(default_before) || dropped;
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

LimitUsePtr LimitTable::unnamed(std::string_view name) {
  if (default_ == nullptr) return nullptr;
  Limit limit = *default_->limit;
  limit.name = name;
  return unnamed_.find_or_add(std::move(limit), [this](Limit made) {
    LimitUsePtr use = use_of(std::move(made));
    find_parent(*use);
    move_limit_use(*use, default_->moved_ms);
    return use;
  });
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
  result.insert(result.end(), unnamed_.all().begin(), unnamed_.all().end());
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
