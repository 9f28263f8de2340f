#include "daemon/limit/key_uses.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "daemon/limit/spread.hpp"

namespace rategate {
namespace {

void add_subs(const LimitUsePtr& use, std::uint64_t host) {
  use->leased = false;  // it has no pools: shared memory does not decide it
  std::vector<Limit> subs = sub_limits_of(*use->limit);
  const std::size_t first = host % subs.size();
  std::rotate(subs.begin(), subs.begin() + static_cast<std::ptrdiff_t>(first), subs.end());
  std::int64_t after = use->limit->permits;
  for (Limit& each : subs) {
    LimitUse& sub = *use->subs.emplace_back(
        std::make_shared<LimitUse>(std::make_shared<const Limit>(std::move(each))));
    sub.spread_of = use;
    sub.sub = use->subs.size() - 1;
    sub.permits_after = after -= sub.limit->permits;
    sub.shown = use->limit;
    sub.near_left = use->near_left;
  }
}

void add_rules(LimitUse& use, std::uint64_t host) {
  std::vector<std::shared_ptr<LimitTally>> tallies{use.tally};
  for (const LimitUsePtr& sub : use.subs) tallies.push_back(sub->tally);
  use.by_key = std::make_shared<KeyUses>(use.limit, use.rule, std::move(tallies), host);
  for (const LimitUsePtr& sub : use.subs) sub->by_key = use.by_key;
}

}  // namespace

KeyUses::KeyUses(LimitPtr limit, std::uint64_t id, std::vector<std::shared_ptr<LimitTally>> tallies,
                 std::uint64_t host)
    : limit_(std::move(limit)),
      id_(id),
      tallies_(std::move(tallies)),
      host_(host),
      moved_ms_(INT64_MIN),
      uses_(limit_->key_rules->all().size()) {
  for (const KeyRule& rule : limit_->key_rules->all()) {
    blocks_some_ = blocks_some_ || rule.kind == KeyRuleKind::Blocked;
    if (limit_->algorithm->has_windows || rule.kind != KeyRuleKind::Limited) continue;
    const BucketSlices slices = slices_of(limit_for_keys(*limit_, rule));
    longest_lease_ms_ = std::max(longest_lease_ms_, rategate::longest_lease_ms(slices));
  }
}

LimitUsePtr KeyUses::find(std::string_view key, std::size_t sub) {
  if (key.empty()) return nullptr;
  const std::optional<std::size_t> rule = limit_->key_rules->find(key);
  if (!rule) return nullptr;
  const LimitUsePtr& use = use_of(*rule);
  return use->subs.empty() ? use : use->subs[sub];
}

void KeyUses::drop() {
  dropped_ = true;
  for (const LimitUsePtr& use : uses_) {
    if (use != nullptr) drop_limit_use(*use);
  }
}

bool KeyUses::may_share(const Limit& of_rule) const {
  if (of_rule.kind != KeyRuleKind::Limited) return of_rule.kind == KeyRuleKind::Blocked;
  return burst_of(*limit_) == limit_->permits && burst_of(of_rule) == of_rule.permits;
}

const LimitUsePtr& KeyUses::use_of(std::size_t rule) {
  LimitUsePtr& use = uses_[rule];
  if (use != nullptr) return use;
  Limit limit = limit_for_keys(*limit_, limit_->key_rules->all()[rule]);
  const std::uint64_t id = may_share(limit) ? id_ : 0;
  use = make_limit_use(std::move(limit), id, host_);
  use->tally = tallies_[0];
  for (std::size_t i = 0; i < use->subs.size(); ++i) use->subs[i]->tally = tallies_[i + 1];
  move_limit_use(*use, moved_ms_);
  if (dropped_) drop_limit_use(*use);
  return use;
}

LimitUsePtr make_limit_use(Limit limit, std::uint64_t rule, std::uint64_t host) {
  auto use = std::make_shared<LimitUse>(std::make_shared<const Limit>(std::move(limit)), rule);
  if (is_combined(*use->limit)) {
    std::uint64_t id = rule;
    for (Limit& window : windows_of(*use->limit)) {
      if (rule != 0) ++id;
      use->windows.push_back(make_limit_use(std::move(window), id, host));
    }
    return use;
  }
  if (use->limit->spread > 1) add_subs(use, host);
  if (use->limit->key_rules != nullptr) add_rules(*use, host);
  return use;
}

bool may_ban(const LimitUse& use) {
  if (!use.is_found() || use.limit->spread > 1) return false;
  return use.blocks || use.limit->kind == KeyRuleKind::Blocked ||
         (use.by_key != nullptr && use.by_key->blocks_some());
}

void drop_limit_use(LimitUse& use) {
  use.dropped = true;
  for (const LimitUsePtr& window : use.windows) drop_limit_use(*window);
  for (const LimitUsePtr& sub : use.subs) sub->dropped = true;
  if (use.by_key != nullptr) use.by_key->drop();
}

void move_limit_use(LimitUse& use, std::int64_t ms) {
  use.moved_ms = ms;
  for (const LimitUsePtr& window : use.windows) move_limit_use(*window, ms);
  for (const LimitUsePtr& sub : use.subs) sub->moved_ms = ms;
  if (use.by_key != nullptr) use.by_key->move(ms);
}

}  // namespace rategate
