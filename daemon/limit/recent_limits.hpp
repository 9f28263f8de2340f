// Limits that calls declare, of which a bounded number is kept: those that were used lately. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/limit/limit_use.hpp"

namespace rategate {

class RecentLimits {
 public:
  explicit RecentLimits(std::size_t most) : most_(most) {}

  // The limit of those numbers; where there is none yet, `make` makes it. Beyond the most one that
  // was long unused gives way, rather one that no counter is of. That is safe at any moment, and
  // costs nobody a permit: its counters live on as long as they would have, and as long as there is
  // one, who declares the limit again gets the same object, and with it what they hold.
  using Make = std::function<LimitUsePtr(Limit)>;
  LimitUsePtr find_or_add(Limit limit, const Make& make);
  // Drops those whose name is taken now. Whether there were any.
  using IsTaken = std::function<bool(const std::string& name)>;
  bool drop_taken(const IsTaken& is_taken);

  const std::list<LimitUsePtr>& all() const { return recent_; }  // latest first
  // Limits that gave way though counters were of them, since the start.
  std::uint64_t gave_way() const { return gave_way_; }

 private:
  struct Declaration {
    std::string name;
    std::int64_t permits;
    std::int64_t period_ms;
    std::int64_t burst;
    bool recipe;  // counted in the recipe's counter
    auto operator<=>(const Declaration&) const = default;
  };
  using Recent = std::list<LimitUsePtr>;

  static Declaration declaration_of(const Limit& limit);
  Recent::iterator erase(Recent::iterator at);
  void make_room();
  void remember(const LimitUsePtr& use);
  LimitUsePtr remembered(const Declaration& declaration);

  std::size_t most_;
  std::uint64_t gave_way_ = 0;
  Recent recent_;
  std::map<Declaration, Recent::iterator> by_declaration_;
  // Those that gave way while counters were of them. There are no more than counters, and some that
  // have none any more: each that comes has two others looked at.
  std::map<Declaration, std::weak_ptr<LimitUse>> aside_;
  Declaration looked_at_{};
};

}  // namespace rategate
