// Which shards have taken slots of which others lately. A host may see that a slot has left a shard
// before it sees that this shard's primary was replaced, and that counts were lost with it, which
// then concern the slot as well, unless that was long before. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/core/ids.hpp"

namespace rategate {

class Heirs {
 public:
  // A shard that is connected to knows of its losses long before that.
  static constexpr std::int64_t kLatelyUs = 60'000'000;

  // From a promotion to the moment that the store tells of it, when some host has greeted the new
  // primary: far longer than that takes.
  static constexpr std::int64_t kGreetedByUs = 10'000'000;

  // `by`: of the clock of `from`, it had moved by then.
  void add(ShardId from, ShardId to, Mono now, StoreTime by) {
    forget(now);
    std::erase_if(taken_, [&](const Taken& one) { return one.from == from && one.to == to; });
    taken_.push_back({from, to, now, by});
  }
  // Those that have taken slots of it which its loss, of that moment, may concern, and those that
  // have taken slots of these.
  std::vector<ShardId> of(ShardId shard, Mono now, StoreTime lost) {
    forget(now);
    std::vector<ShardId> heirs{shard};
    for (std::size_t at = 0; at < heirs.size(); ++at) {
      for (const Taken& one : taken_) {
        const bool known = std::find(heirs.begin(), heirs.end(), one.to) != heirs.end();
        const bool before = at == 0 && lost.us != INT64_MAX && lost.us - kGreetedByUs > one.by.us;
        if (one.from == heirs[at] && !known && !before) heirs.push_back(one.to);
      }
    }
    heirs.erase(heirs.begin());
    return heirs;
  }

 private:
  struct Taken {
    ShardId from, to;
    Mono at;
    StoreTime by;
  };
  void forget(Mono now) {
    std::erase_if(taken_, [&](const Taken& one) { return now >= after(one.at, kLatelyUs); });
  }

  std::vector<Taken> taken_;
};

}  // namespace rategate
