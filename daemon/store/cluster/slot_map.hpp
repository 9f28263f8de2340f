// The map of a Redis Cluster: which slots are in which shard, and its nodes, as one node tells by
// CLUSTER SLOTS. A reply is bytes of somebody else's: what is not of the form is refused. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/host_port.hpp"
#include "daemon/store/cluster/slot_ranges.hpp"
#include "daemon/store/redis/reply_view.hpp"

namespace rategate {

// More than anybody has in one shard; a map that lists more is not believed.
inline constexpr std::size_t kMostNodesOfShard = 128;

struct ClusterNode {
  std::string id;    // its own for good, whatever its address
  HostPort address;  // as clients are to reach it: a name, where the cluster prefers names
  std::string peer;  // by IP address, as INFO shows a replica: "10.0.0.2:6379"
};

struct ClusterShard {
  ClusterNode primary;
  std::vector<ClusterNode> replicas;  // that are not known to have failed
  SlotRanges slots;

  bool has_replica(std::string_view id) const;
  // The one that stays longest where slots are moved by their number: edges move, and not the
  // middle. There is one.
  std::uint16_t roundest_slot() const;
};

struct SlotMap {
  std::vector<ClusterShard> shards;  // in the order of their first slots

  // Null where it is the primary of none.
  const ClusterShard* find_primary(std::string_view id) const;
  // Whether the same primaries have the same slots; replicas come and go.
  bool agrees_with(const SlotMap& other) const;
  std::size_t slot_count() const;
};

// The request for it.
std::string slot_map_request();
// `asked`: whom the answer comes from, for a node that does not know its own address. Nothing where
// it is not of the form, or has a slot twice.
std::optional<SlotMap> parse_slot_map(const ReplyView& reply, const HostPort& asked);

}  // namespace rategate
