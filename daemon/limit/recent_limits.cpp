#include "daemon/limit/recent_limits.hpp"

#include <iterator>
#include <utility>

#include "daemon/limit/key_uses.hpp"

namespace rategate {
namespace {

// Of those that were longest unused, so many are looked at for one that no counter is of.
constexpr int kLooks = 16;

}  // namespace

LimitUsePtr RecentLimits::find_or_add(Limit limit, const Make& make) {
  Declaration declaration = declaration_of(limit);
  const auto known = by_declaration_.find(declaration);
  if (known != by_declaration_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return recent_.front();
  }
  if (recent_.size() >= most_) make_room();
  LimitUsePtr use = remembered(declaration);
  if (use == nullptr) use = make(std::move(limit));
  recent_.push_front(std::move(use));
  by_declaration_.emplace(std::move(declaration), recent_.begin());
  return recent_.front();
}

bool RecentLimits::drop_taken(const IsTaken& is_taken) {
  bool dropped = false;
  for (auto it = recent_.begin(); it != recent_.end();) {
    if (!is_taken((*it)->limit->name)) {
      ++it;
      continue;
    }
    drop_limit_use(**it);
    dropped = true;
    it = erase(it);
  }
  std::erase_if(aside_, [&](const auto& entry) {
    const LimitUsePtr use = entry.second.lock();
    const bool gone = use == nullptr || is_taken(use->limit->name);
    if (gone && use != nullptr) {
      drop_limit_use(*use);
      dropped = true;
    }
    return gone;
  });
  return dropped;
}

RecentLimits::Declaration RecentLimits::declaration_of(const Limit& limit) {
  return {limit.name, limit.permits, limit.period_ms, burst_of(limit), !limit.redis_key.has_key()};
}

RecentLimits::Recent::iterator RecentLimits::erase(Recent::iterator at) {
  by_declaration_.erase(declaration_of(*(*at)->limit));
  return recent_.erase(at);
}

void RecentLimits::make_room() {
  Recent::iterator gives_way = std::prev(recent_.end());
  Recent::iterator at = recent_.end();
  for (int looks = 0; looks < kLooks && at != recent_.begin(); ++looks) {
    // Only the table itself holds what no counter is of any more.
    if ((--at)->use_count() > 1) continue;
    gives_way = at;
    break;
  }
  if (gives_way->use_count() > 1) {
    ++gave_way_;
    remember(*gives_way);
  }
  erase(gives_way);
}

void RecentLimits::remember(const LimitUsePtr& use) {
  for (int looks = 0; looks < 2 && !aside_.empty(); ++looks) {
    auto at = aside_.upper_bound(looked_at_);
    if (at == aside_.end()) at = aside_.begin();
    looked_at_ = at->first;
    if (at->second.expired()) aside_.erase(at);
  }
  aside_[declaration_of(*use->limit)] = use;
}

LimitUsePtr RecentLimits::remembered(const Declaration& declaration) {
  const auto known = aside_.find(declaration);
  if (known == aside_.end()) return nullptr;
  LimitUsePtr use = known->second.lock();
  aside_.erase(known);
  return use;
}

}  // namespace rategate
