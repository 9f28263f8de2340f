// The blocks that this host has heard of (docs/blocking.md), by their names in the store, so that
// they outlive the records of their counters. There is a bound: of one that is forgotten the store
// is asked again. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <string>
#include <unordered_map>

#include "daemon/base/time.hpp"

namespace rategate {

struct KnownBlock {
  StoreTime until;  // it stands before then
  // The same by this host's clock, for certain: whatever becomes of the store's clock, nobody is
  // denied for longer than it stood when it was told of.
  Mono ends;
  // It is over for certain, by that clock.
  Mono over;
  // Then the store is asked again, as it may have been lifted.
  Mono believe_until;
  std::uint8_t doubts = 0;  // how often it was told of again
};

class KnownBlocks {
 public:
  static constexpr std::size_t kMost = 65'536;

  bool empty() const { return found_.empty(); }
  std::size_t size() const { return found_.size(); }
  // Null where none is known, or it is over.
  const KnownBlock* find(const std::string& name, Mono now) const {
    if (empty()) return nullptr;
    const auto found = found_.find(name);
    return found == found_.end() || found->second->block.over <= now ? nullptr
                                                                     : &found->second->block;
  }
  // In place of what is known of it. The one that was told of first makes room for it.
  void learn(const std::string& name, const KnownBlock& block, Mono now) {
    forget(name);
    while (!told_.empty() && (told_.size() >= kMost || told_.front().block.over <= now)) {
      found_.erase(told_.front().name);
      told_.pop_front();
    }
    told_.push_back({name, block});
    found_.emplace(name, std::prev(told_.end()));
  }
  void forget(const std::string& name) {
    const auto found = found_.find(name);
    if (found == found_.end()) return;
    told_.erase(found->second);
    found_.erase(found);
  }

 private:
  struct Told {
    std::string name;
    KnownBlock block;
  };
  std::list<Told> told_;
  std::unordered_map<std::string, std::list<Told>::iterator> found_;
};

}  // namespace rategate
