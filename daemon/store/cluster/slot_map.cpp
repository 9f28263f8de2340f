#include "daemon/store/cluster/slot_map.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>

#include "daemon/base/hash_slot.hpp"
#include "daemon/store/redis/words.hpp"

namespace rategate {
namespace {

// More shards than a cluster is made for (Redis' own documents say 1,000 nodes); whoever lists more
// is not believed.
constexpr std::size_t kMostPrimaries = 1000;
constexpr std::size_t kMostIdBytes = 64;

std::optional<std::uint16_t> parse_slot(const ReplyView& reply) {
  const std::int64_t slot = reply.integer();
  const bool is_one = reply.kind() == ReplyView::Kind::Integer && slot >= 0 &&
                      slot < static_cast<std::int64_t>(kHashSlots);
  return is_one ? std::optional(static_cast<std::uint16_t>(slot)) : std::nullopt;
}

// The IP address that a node's last element tells beside its name, as names and values in turn.
std::string_view told_ip(const ReplyView& node) {
  if (node.size() < 4) return {};
  const ReplyView more = node[3];
  for (std::size_t at = 0; at + 1 < more.size(); at += 2) {
    if (more[at].bytes() == "ip") return more[at + 1].bytes();
  }
  return {};
}

// A node that does not know its own address names none.
std::optional<ClusterNode> parse_node(const ReplyView& reply, const HostPort& asked) {
  if (reply.size() < 3 || reply[1].kind() != ReplyView::Kind::Integer) return std::nullopt;
  std::string_view host = reply[0].bytes();
  if (host.empty() || host == "?") host = asked.host;
  auto address = to_host_port(host, std::to_string(reply[1].integer()));
  const std::string_view id = reply[2].bytes();
  if (!address || id.empty() || id.size() > kMostIdBytes) return std::nullopt;
  const std::string_view ip = told_ip(reply);
  const std::string peer = to_text({std::string(is_host(ip) ? ip : host), address->port});
  return ClusterNode{std::string(id), std::move(*address), peer};
}

using Places = std::unordered_map<std::string, std::size_t>;  // in the map, by the primary's id

// One row of the reply is one range of one shard.
bool read_range(const ReplyView& row, const HostPort& asked, SlotMap& map, Places& places) {
  if (row.size() < 3 || row.size() > 2 + kMostNodesOfShard) return false;
  const auto first = parse_slot(row[0]);
  const auto last = parse_slot(row[1]);
  auto primary = parse_node(row[2], asked);
  if (!first || !last || *first > *last || !primary) return false;
  const auto [known, is_new] = places.emplace(primary->id, map.shards.size());
  if (!is_new) {
    map.shards[known->second].slots.push_back({*first, *last});
    return true;
  }
  if (map.shards.size() == kMostPrimaries) return false;
  ClusterShard& shard = map.shards.emplace_back();
  shard.primary = std::move(*primary);
  shard.slots.push_back({*first, *last});
  for (std::size_t at = 3; at < row.size(); ++at) {
    auto replica = parse_node(row[at], asked);
    if (!replica) return false;
    shard.replicas.push_back(std::move(*replica));
  }
  return true;
}

bool has_slots_once(const SlotMap& map) {
  SlotRanges all;
  for (const ClusterShard& shard : map.shards) {
    all.insert(all.end(), shard.slots.begin(), shard.slots.end());
  }
  return put_in_order(all);
}

}  // namespace

bool ClusterShard::has_replica(std::string_view id) const {
  return std::any_of(replicas.begin(), replicas.end(),
                     [&](const ClusterNode& replica) { return replica.id == id; });
}

std::uint16_t ClusterShard::roundest_slot() const {
  std::uint16_t best = slots.front().first;
  for (const SlotRange& range : slots) {
    for (std::uint32_t slot = range.first; slot <= range.last; ++slot) {
      const bool rounder =
          slot != 0 &&
          std::countr_zero(slot) > (best == 0 ? -1 : std::countr_zero(std::uint32_t{best}));
      if (rounder) best = static_cast<std::uint16_t>(slot);
    }
  }
  return best;
}

const ClusterShard* SlotMap::find_primary(std::string_view id) const {
  const auto found = std::find_if(shards.begin(), shards.end(), [&](const ClusterShard& shard) {
    return shard.primary.id == id;
  });
  return found == shards.end() ? nullptr : &*found;
}

bool SlotMap::agrees_with(const SlotMap& other) const {
  return std::equal(shards.begin(), shards.end(), other.shards.begin(), other.shards.end(),
                    [](const ClusterShard& a, const ClusterShard& b) {
                      return a.primary.id == b.primary.id &&
                             a.primary.address == b.primary.address && a.slots == b.slots;
                    });
}

std::size_t SlotMap::slot_count() const {
  std::size_t count = 0;
  for (const ClusterShard& shard : shards) count += rategate::slot_count(shard.slots);
  return count;
}

std::string slot_map_request() { return redis_request({"CLUSTER", "SLOTS"}); }

std::optional<SlotMap> parse_slot_map(const ReplyView& reply, const HostPort& asked) {
  if (reply.kind() != ReplyView::Kind::Array || reply.size() > kHashSlots) return std::nullopt;
  SlotMap map;
  Places places;
  for (std::size_t row = 0; row < reply.size(); ++row) {
    if (!read_range(reply[row], asked, map, places)) return std::nullopt;
  }
  for (ClusterShard& shard : map.shards) {
    if (!put_in_order(shard.slots)) return std::nullopt;
  }
  if (!has_slots_once(map)) return std::nullopt;
  std::sort(map.shards.begin(), map.shards.end(), [](const ClusterShard& a, const ClusterShard& b) {
    return a.slots.front().first < b.slots.front().first;
  });
  return map;
}

}  // namespace rategate
