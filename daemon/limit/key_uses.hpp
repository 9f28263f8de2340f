// What the rules for keys make of a limit in use: for each rule that some key was found to have,
// another limit in use, with the rule's numbers. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "daemon/limit/limit_use.hpp"

namespace rategate {

class KeyUses {
 public:
  // `limit` has rules for keys, and that id in shared memory; `tallies` are that of the limit and
  // those of what it is spread over, and `host` is what make_limit_use() was told.
  KeyUses(LimitPtr limit, std::uint64_t id, std::vector<std::shared_ptr<LimitTally>> tallies,
          std::uint64_t host);

  // By what the key is counted; of a limit that is spread by what of it in the counter `sub`. Null:
  // by the limit itself, as is what has no key.
  LimitUsePtr find(std::string_view key, std::size_t sub);

  // The longest for which permits of any key with a rule are leased in slices, in ms: 0 where none
  // are.
  std::int64_t longest_lease_ms() const { return longest_lease_ms_; }

  // Whether some keys are blocked.
  bool blocks_some() const { return blocks_some_; }

  // See drop_limit_use() and move_limit_use().
  void drop();
  void move(std::int64_t ms) { moved_ms_ = ms; }

 private:
  const LimitUsePtr& use_of(std::size_t rule);

  // Clients know one burst of a limit, unless it is what may be had in a period.
  bool may_share(const Limit& of_rule) const;

  LimitPtr limit_;
  std::uint64_t id_;
  std::vector<std::shared_ptr<LimitTally>> tallies_;
  std::uint64_t host_;
  std::int64_t moved_ms_;
  bool dropped_ = false;
  std::int64_t longest_lease_ms_ = 0;
  bool blocks_some_ = false;
  std::vector<LimitUsePtr> uses_;  // by the rule's number; null: not yet
};

// A limit in use with that id in shared memory (0: none), what it is spread over or its windows,
// which have the ids that follow it, and what its rules make of it. `host`: a number of this
// host's, by which it begins with one of the counters of a limit that is spread, so that others
// begin with others.
LimitUsePtr make_limit_use(Limit limit, std::uint64_t rule, std::uint64_t host);
// Whether some of its keys may be blocked in shared memory, where no pool of theirs is then.
bool may_ban(const LimitUse& use);
// All of that is dropped by a reload.
void drop_limit_use(LimitUse& use);
// All of that has counters of other names since then: see LimitUse::moved_ms.
void move_limit_use(LimitUse& use, std::int64_t ms);

}  // namespace rategate
