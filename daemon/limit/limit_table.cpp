#include "daemon/limit/limit_table.hpp"

namespace rategate {

Placed LimitUse::place_anew(const ClockReading& reading) {
  const Placed placed = limit->algorithm->place(reading, limit->period_ms);
  if (placed.open) window = placed.window;
  return placed;
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
    use = std::make_shared<LimitUse>(std::make_shared<const Limit>(limit), ++last_rule_);
    if (before == nullptr) continue;
    use->moved_ms = before->moved_ms;
    if (before->limit->redis_key.text() == limit.redis_key.text()) continue;
    use->moved_ms = now_ms;
    change.moved.push_back(limit.name);
  }
  configured_.swap(next);
  seen_.fill({});
  for (const auto& [name, use] : next) {
    const auto kept = configured_.find(name);
    if (kept != configured_.end() && kept->second == use) continue;
    use->dropped = dropped = true;
  }
  // A limit that was declared so far may have a configured one before it now.
  for (auto it = declared_.begin(); it != declared_.end();) {
    const Limit& limit = *(*it)->limit;
    if (!configured_.contains(limit.name)) {
      ++it;
      continue;
    }
    (*it)->dropped = dropped = true;
    by_declaration_.erase({limit.name, limit.permits, limit.period_ms, !limit.redis_key.has_key()});
    it = declared_.erase(it);
  }
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
  Declaration declaration{limit.name, rate.permits, rate.period_ms, !limit.redis_key.has_key()};
  const auto known = by_declaration_.find(declaration);
  if (known != by_declaration_.end()) {
    declared_.splice(declared_.begin(), declared_, known->second);
    return declared_.front();
  }
  if (declared_.size() >= max_declared_) {
    // Only the table itself holds what no pool uses any more.
    auto idle = declared_.end();
    for (auto it = declared_.begin(); it != declared_.end(); ++it) {
      if (it->use_count() == 1) idle = it;
    }
    if (idle == declared_.end()) return nullptr;
    const Limit& old = *(*idle)->limit;
    by_declaration_.erase({old.name, old.permits, old.period_ms, !old.redis_key.has_key()});
    declared_.erase(idle);
  }
  declared_.push_front(
      std::make_shared<LimitUse>(std::make_shared<const Limit>(std::move(limit)), ++last_rule_));
  by_declaration_.emplace(std::move(declaration), declared_.begin());
  return declared_.front();
}

std::vector<LimitUsePtr> LimitTable::all() const {
  std::vector<LimitUsePtr> result;
  for (const auto& [name, use] : configured_) result.push_back(use);
  result.insert(result.end(), declared_.begin(), declared_.end());
  return result;
}

std::vector<std::string_view> LimitTable::names() const {
  std::vector<std::string_view> result;
  for (const auto& [name, use] : configured_) result.push_back(name);
  return result;
}

}  // namespace rategate
