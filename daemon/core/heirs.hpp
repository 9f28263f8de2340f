// Which shards have taken slots of which others lately. A host may see that a slot has left a shard
// before it sees that this shard's primary was replaced, and that counts were lost with it, which
// then concern the slot as well. Not thread-safe.
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

  void add(ShardId from, ShardId to, Mono now) {
    forget(now);
    std::erase_if(taken_, [&](const Taken& one) { return one.from == from && one.to == to; });
    taken_.push_back({from, to, now});
  }
  // Those that have taken slots of it, and those that have taken slots of these.
  std::vector<ShardId> of(ShardId shard, Mono now) {
    forget(now);
    std::vector<ShardId> heirs{shard};
    for (std::size_t at = 0; at < heirs.size(); ++at) {
      for (const Taken& one : taken_) {
        const bool known = std::find(heirs.begin(), heirs.end(), one.to) != heirs.end();
        if (one.from == heirs[at] && !known) heirs.push_back(one.to);
      }
    }
    heirs.erase(heirs.begin());
    return heirs;
  }

 private:
  struct Taken {
    ShardId from, to;
    Mono at;
  };
  void forget(Mono now) {
    std::erase_if(taken_, [&](const Taken& one) { return now >= after(one.at, kLatelyUs); });
  }

  std::vector<Taken> taken_;
};

}  // namespace rategate
