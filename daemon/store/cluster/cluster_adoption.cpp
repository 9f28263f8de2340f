// How another map is taken into use: which shard of it is which of those that there are, and what
// follows for slots and primaries.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "daemon/store/cluster/cluster_topology.hpp"

namespace rategate {
namespace {

bool has_most_of(const ClusterShard& shard, const ClusterShard& other) {
  return 2 * slot_count(common_slots(other.slots, shard.slots)) > slot_count(other.slots);
}

}  // namespace

ShardId ClusterTopology::find_free(const std::vector<bool>& taken) const {
  for (const bool used_before : {false, true}) {
    for (std::size_t at = 0; at < kMostShards; ++at) {
      if (taken[at] || shards_[at].in_use) continue;
      if (shards_[at].shard.slots.empty() == used_before) continue;
      return ShardId{static_cast<std::uint16_t>(at)};
    }
  }
  return kNowhere;
}

// The shard whose primary is gone, and of which this one was a replica, or has most of the slots.
ShardId ClusterTopology::find_successor(const ClusterShard& shard,
                                        const std::vector<bool>& taken) const {
  for (std::size_t at = 0; at < kMostShards; ++at) {
    const ShardState& state = shards_[at];
    if (!state.in_use || taken[at]) continue;
    if (state.shard.has_replica(shard.primary.id) || has_most_of(shard, state.shard)) {
      return ShardId{static_cast<std::uint16_t>(at)};
    }
  }
  return kNowhere;
}

// A replica of it has nearly all that it had: a node that imports some slots still lists those at
// the primary that was replaced.
bool ClusterTopology::is_replaced(const ShardState& state, const SlotMap& map) {
  return std::any_of(map.shards.begin(), map.shards.end(), [&](const ClusterShard& shard) {
    return state.shard.has_replica(shard.primary.id) && has_most_of(shard, state.shard);
  });
}

// Which shard of the map is which of those that there are: nowhere where there are too many, or its
// primary was replaced.
std::vector<ShardId> ClusterTopology::match(const SlotMap& map) const {
  std::vector<ShardId> places(map.shards.size(), kNowhere);
  std::vector<bool> taken(kMostShards, false);
  std::vector<bool> gone(map.shards.size(), false);
  const auto take = [&](std::size_t at, ShardId id) {
    places[at] = id;
    if (id != kNowhere) taken[id.value] = true;
  };
  for (std::size_t at = 0; at < map.shards.size(); ++at) {
    for (std::size_t known = 0; known < kMostShards; ++known) {
      const ShardState& state = shards_[known];
      if (!state.in_use || state.shard.primary.id != map.shards[at].primary.id) continue;
      gone[at] = is_replaced(state, map);
      if (!gone[at]) take(at, ShardId{static_cast<std::uint16_t>(known)});
    }
  }
  for (std::size_t at = 0; at < map.shards.size(); ++at) {
    if (places[at] == kNowhere && !gone[at]) take(at, find_successor(map.shards[at], taken));
  }
  for (std::size_t at = 0; at < map.shards.size(); ++at) {
    if (places[at] == kNowhere && !gone[at]) take(at, find_free(taken));
  }
  return places;
}

void ClusterTopology::place_slots(const SlotMap& map, const std::vector<ShardId>& places) {
  std::vector<ShardId> slots(kHashSlots, kNowhere);
  unserved_ = kHashSlots;
  for (std::size_t at = 0; at < map.shards.size(); ++at) {
    if (places[at] == kNowhere) continue;
    unserved_ -= slot_count(map.shards[at].slots);
    for (const SlotRange& range : map.shards[at].slots) {
      std::fill(slots.begin() + range.first, slots.begin() + range.last + 1, places[at]);
    }
  }
  for (std::size_t slot = 0; slot < kHashSlots; ++slot) {
    if (slots[slot] == slots_[slot]) continue;
    taken_.push_back({static_cast<std::uint16_t>(slot), slots_[slot], slots[slot], seen_at_});
  }
  slots_ = std::move(slots);
}

void ClusterTopology::adopt(const SlotMap& map, Mono now) {
  const std::vector<ShardId> places = match(map);
  const bool another = !has_map_ || map_.shards.size() != map.shards.size();
  const std::size_t unserved_before = has_map_ ? unserved_ : 0;
  place_slots(map, places);
  map_ = map;
  has_map_ = true;
  events_.cluster_event({ClusterEvent::What::MapChanged,
                         {},
                         {},
                         {},
                         map.shards.size(),
                         unserved_,
                         another || unserved_ != unserved_before});
  if (unserved_ > 0 && unserved_ != unserved_before) {
    events_.cluster_event({ClusterEvent::What::SlotsUnserved, {}, {}, {}, 0, unserved_});
  }
  events_.nowhere_known(now);
  name_shards(map, places, now);
  events_.cluster_changed();
}

void ClusterTopology::name_shards(const SlotMap& map, const std::vector<ShardId>& places,
                                  Mono now) {
  std::vector<ShardId> named;
  std::vector<bool> kept(kMostShards, false);
  for (std::size_t at = 0; at < map.shards.size(); ++at) {
    if (places[at] == kNowhere) continue;
    ShardState& state = shards_[places[at].value];
    const ClusterShard& shard = map.shards[at];
    kept[places[at].value] = true;
    const bool another = !state.in_use || state.shard.primary.id != shard.primary.id;
    if (another || state.shard.primary.address != shard.primary.address)
      named.push_back(places[at]);
    if (another) {
      if (state.in_use) {
        ++primary_changes_;
        const std::string from = to_text(state.shard.primary.address);
        const std::string to = to_text(shard.primary.address);
        events_.cluster_event({ClusterEvent::What::PrimaryChanged, {}, from, to});
      }
      state.named_at = Witness::kNotNamed;
      state.replicas.clear();
      for (const ClusterNode& replica : shard.replicas) state.replicas.push_back(replica.peer);
    }
    state.in_use = true;
    state.shard = shard;
  }
  // The proofs of whom is connected to next count from what is told now.
  learn_of_shards(now);
  // Before what they gave away is passed on, of which they may have lost something.
  for (const ShardId id : named) {
    events_.shard_named(id, shards_[id.value].shard.primary.address, now);
  }
  pass_on(now);
  for (std::size_t at = 0; at < kMostShards; ++at) {
    if (!shards_[at].in_use || kept[at]) continue;
    shards_[at].in_use = false;
    events_.shard_dissolved(ShardId{static_cast<std::uint16_t>(at)}, now);
  }
}

}  // namespace rategate
