// The limits by name: those of the configuration, and those that calls have declared, of which a
// bounded number is kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/id.hpp"
#include "daemon/base/time.hpp"
#include "daemon/limit/clock_reading.hpp"
#include "daemon/limit/counter_names.hpp"
#include "daemon/limit/limit.hpp"
#include "daemon/limit/spread.hpp"

namespace rategate {

struct Counter;  // of the gate
struct LimitUse;
using LimitUsePtr = std::shared_ptr<LimitUse>;

// A limit in use. The object is the limit's identity: other numbers are another object, and another
// rule in shared memory.
struct LimitUse {
  explicit LimitUse(LimitPtr l, std::uint64_t r = 0)
      : limit(std::move(l)),
        names(limit->redis_key, limit->name, limit->period_ms, limit->sub),
        most_cost(rategate::most_cost(*limit)),
        refill(limit->algorithm->has_windows ? RefillRate{}
                                             : refill_rate(limit->permits, limit->period_ms)),
        rule(r),
        leased(is_leased(*limit)) {}
  LimitPtr limit;
  CounterNames names;      // of its counters
  std::int64_t most_cost;  // of a check that can fit
  RefillRate refill;       // of its buckets, where they are such
  std::uint64_t rule;      // its id, never given twice; 0: not for shared memory
  bool leased;             // permits are reserved ahead
  bool dropped = false;    // by a reload: what it holds is given up
  // Its counters have other names since a reload: what was given out in windows that began by this
  // moment (ms of the store's clock) is counted elsewhere, so nothing more is given out in them.
  std::int64_t moved_ms = INT64_MIN;
  std::uint64_t allowed = 0;  // decisions since it is in use
  std::uint64_t denied = 0;
  std::uint64_t shared = 0;  // permits that clients spent in shared memory
  // What makes the next check cheaper: the window that was open last, and the place of the counter
  // without a key among the gate's.
  Window window;
  Id<Counter> keyless;
  // The store refuses this limit's counters (an ACL, say): until that moment it is not asked, and
  // as long as `refusals` is not 0 its counters share calls with nobody's.
  Mono refused_until;
  Mono refusal_told{INT64_MIN};
  std::uint8_t refusals = 0;

  // Of a limit that is spread: the limits whose counters are its own, in the order in which this
  // host goes through them. Nothing is counted in the limit itself then.
  std::vector<LimitUsePtr> subs;
  // Of each of those: the limit that is spread, which one of its `subs` this is, and the permits
  // of those that come after it.
  std::weak_ptr<LimitUse> spread_of;
  std::size_t sub = 0;
  std::int64_t permits_after = 0;
  // What answers tell of: the limit, or the one that is spread.
  LimitPtr shown = limit;
  bool is_sub() const { return !spread_of.expired(); }
  bool leases() const { return subs.empty() ? leased : subs.front()->leased; }
  // One of those counts, that of its subs included: in_all(&LimitUse::allowed).
  std::uint64_t in_all(std::uint64_t LimitUse::* count) const;

  // Where the reading lies among the limit's windows; without a division while one lasts.
  Placed place(const ClockReading& reading) {
    if (reading.earliest.us >= window.start_ms * 1000 && reading.latest.us < window.end_ms * 1000) {
      return {window, true, 0};
    }
    return place_anew(reading);
  }

 private:
  Placed place_anew(const ClockReading& reading);
};

// Not thread-safe, looking up included.
class LimitTable {
 public:
  // `host`: a number of this host's, by which it begins with one of the counters of a limit that is
  // spread, so that others begin with others.
  explicit LimitTable(std::size_t max_declared, std::uint64_t host = 0)
      : max_declared_(max_declared), host_(host) {}

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

  // The limit that a call declares. Beyond max_declared one that was long unused gives way, rather
  // one that no counter is of. That is safe at any moment, and costs nobody a permit: its counters
  // live on as long as they would have, and as long as there is one, who declares the limit again
  // gets the same object, and with it what they hold.
  LimitUsePtr declared(std::string_view name, const Rate& rate, bool keyed);

  std::vector<LimitUsePtr> all() const;  // configured by name, then declared, latest first
  // Names of configured limits: those that stand next to this one in the alphabet, `most` of them.
  std::vector<std::string_view> names_near(std::string_view name, std::size_t most) const;
  std::size_t configured_count() const { return configured_.size(); }
  std::size_t declared_count() const { return declared_.size(); }
  // Declared limits that gave way though counters were of them, since the start.
  std::uint64_t gave_way() const { return gave_way_; }

 private:
  struct Declaration {
    std::string name;
    std::int64_t permits;
    std::int64_t period_ms;
    bool recipe;  // counted in the recipe's counter
    auto operator<=>(const Declaration&) const = default;
  };
  struct Seen {
    std::string_view name;
    const LimitUsePtr* use = nullptr;
  };
  using Recent = std::list<LimitUsePtr>;

  LimitUsePtr use_of(Limit limit);
  static void drop(LimitUse& use);
  static Declaration declaration_of(const Limit& limit);
  Recent::iterator erase_declared(Recent::iterator at);
  void make_room();
  void remember(const LimitUsePtr& use);
  LimitUsePtr remembered(const Declaration& declaration);

  std::uint64_t gave_way_ = 0;
  std::uint64_t last_rule_ = 0;
  std::size_t max_declared_;
  std::uint64_t host_;
  std::map<std::string, LimitUsePtr, std::less<>> configured_;
  // Where names were found last: nearly all checks name one of a few limits. A name has one place
  // here, which it may share with others.
  mutable std::array<Seen, 64> seen_{};
  LimitUsePtr none_;
  Recent declared_;  // latest first
  std::map<Declaration, Recent::iterator> by_declaration_;
  // Those that gave way while counters were of them. There are no more than counters, and some that
  // have none any more: each that comes has two others looked at.
  std::map<Declaration, std::weak_ptr<LimitUse>> aside_;
  Declaration looked_at_{};
};

}  // namespace rategate
