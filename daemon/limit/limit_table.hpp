// The limits by name: those of the configuration, and those that calls have declared, of which a
// bounded number is kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/limit/limit_use.hpp"
#include "daemon/limit/recent_limits.hpp"
#include "daemon/limit/spread.hpp"

namespace rategate {

// Not thread-safe, looking up included.
class LimitTable {
 public:
  // `host`: a number of this host's, by which it begins with one of the counters of a limit that is
  // spread, so that others begin with others.
  explicit LimitTable(std::size_t max_declared, std::uint64_t host = 0)
      : host_(host), unnamed_(max_declared), declared_(max_declared), cells_(max_declared) {}

  // What a reload did.
  struct Change {
    bool dropped = false;            // a limit changed, or is gone
    std::vector<std::string> moved;  // limits whose counters have other names now
    std::vector<std::string> anew;   // limits of another period, which count from nothing
  };
  // `now_ms` where no clock of the store is known: the windows that are seen first have moved.
  static constexpr std::int64_t kNoClock = INT64_MAX;
  // The whole set, at start and on reload. A limit that did not change keeps its identity; one that
  // did, or is gone, is marked as dropped. `now_ms`: of the store's clock, at the latest.
  Change configure(const std::vector<Limit>& limits, std::int64_t now_ms);

  // Nothing where no limit of that name is configured. Good until the next configure().
  const LimitUsePtr& configured(std::string_view name) const;

  // What the limit kDefaultName makes of a name that no limit has, where there is one: see
  // RecentLimits. Null: there is none.
  LimitUsePtr unnamed(std::string_view name);
  // The limit that a call declares: see RecentLimits.
  LimitUsePtr declared(std::string_view name, const Rate& rate, bool keyed);
  // The bucket that a call of CL.THROTTLE declares. Of those as many are kept, beside the others.
  LimitUsePtr cell(const Rate& rate, std::int64_t burst);

  // Configured by name, then what kDefaultName makes of names, then declared, latest first.
  std::vector<LimitUsePtr> all() const;
  // Names of configured limits: those that stand next to this one in the alphabet, `most` of them.
  std::vector<std::string_view> names_near(std::string_view name, std::size_t most) const;
  std::size_t configured_count() const { return configured_.size(); }
  std::size_t declared_count() const { return declared_.all().size(); }
  // Declared limits, and those of names that no limit has, that gave way though counters were of
  // them, since the start.
  std::uint64_t gave_way() const {
    return unnamed_.gave_way() + declared_.gave_way() + cells_.gave_way();
  }

 private:
  struct Seen {
    std::string_view name;
    const LimitUsePtr* use = nullptr;
  };
  LimitUsePtr use_of(Limit limit);
  void find_parent(LimitUse& use) const;
  bool drop_unnamed(const LimitUsePtr& default_before);
  std::uint64_t last_rule_ = 0;
  std::uint64_t host_;
  std::map<std::string, LimitUsePtr, std::less<>> configured_;
  // Where names were found last: nearly all checks name one of a few limits. A name has one place
  // here, which it may share with others.
  mutable std::array<Seen, 64> seen_{};
  LimitUsePtr none_;
  LimitUsePtr default_;  // that of kDefaultName
  RecentLimits unnamed_;
  RecentLimits declared_;
  RecentLimits cells_;
};

}  // namespace rategate
