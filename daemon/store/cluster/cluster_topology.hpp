// Keeps the map of a Redis Cluster, and for each shard of it what its link has to know: who the
// primary is, who has to follow it, and since when a majority of the others names it. The rules,
// with their reasons, are in docs/redis-cluster.md.
//
// What a node tells, and what a link is refused by, is taken down when it comes; what follows from
// it happens in turn(), so that nobody is changed while he tells.
//
// Pure: transports carry, time comes in, and what has changed goes out. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/hash_slot.hpp"
#include "daemon/base/random.hpp"
#include "daemon/core/ids.hpp"
#include "daemon/store/cluster/node_link.hpp"
#include "daemon/store/cluster/shard_guide.hpp"
#include "daemon/store/cluster/slot_map.hpp"
#include "daemon/store/redis/words.hpp"
#include "daemon/store/topology.hpp"

namespace rategate {

struct ClusterEvent {
  enum class What : std::uint8_t {
    MapChanged,      // another one is in use, or the first: `shards`, `unserved`
    PrimaryChanged,  // of one shard: `from`, `to`
    MapUnknown,      // no node tells it: `why`
    MapKnown,        // one does again
    SlotsUnserved,   // some are in no shard, or in one too many: `unserved`
  };
  What what;
  std::string_view why;       // for a person
  std::string_view from, to;  // PrimaryChanged
  std::size_t shards = 0;
  std::size_t unserved = 0;     // slots
  bool shards_changed = false;  // of MapChanged: not the slots alone
};

class ClusterEvents {
 public:
  ClusterEvents() = default;
  ClusterEvents(const ClusterEvents&) = delete;
  ClusterEvents& operator=(const ClusterEvents&) = delete;
  virtual ~ClusterEvents() = default;

  // What is worth a line in the log.
  virtual void cluster_event(const ClusterEvent& event) = 0;
  // What is told of the cluster has changed.
  virtual void cluster_changed() = 0;
  // A slot of the one shard, where it was seen at `seen` last, is the other's now. Before
  // slots_moved().
  virtual void slot_moved(std::uint16_t slot, ShardId from, ShardId to, Mono seen, Mono now) = 0;
  // All that was told of slots that are in other shards than before.
  virtual void slots_moved(Mono now) = 0;
  // The shard has that primary: its first, or another one.
  virtual void shard_named(ShardId shard, const HostPort& primary, Mono now) = 0;
  // The shard has no slots any more.
  virtual void shard_dissolved(ShardId shard, Mono now) = 0;
  // It was refused by ASK, and is to be asked for there.
  virtual void ask_at(ShardId shard, Reservation reservation, Mono now) = 0;
  // From now on it is known of slots that are in no shard; before, their shard might be known in a
  // moment.
  virtual void nowhere_known(Mono now) = 0;
};

// Makes the ways to nodes.
class ClusterWays {
 public:
  ClusterWays() = default;
  ClusterWays(const ClusterWays&) = delete;
  ClusterWays& operator=(const ClusterWays&) = delete;
  virtual ~ClusterWays() = default;

  virtual std::unique_ptr<AskingTransport> way_to(const HostPort& node) = 0;
};

class ClusterTopology final : private NodeLinkEvents {
 public:
  static constexpr std::size_t kMostShards = 32;
  // Where counters are whose slot is in no shard.
  static constexpr ShardId kNowhere{kMostShards};

  struct Options : WayOptions {
    std::vector<HostPort> seeds;
  };

  // Both outlive it.
  ClusterTopology(const Options& options, ClusterWays& ways, ClusterEvents& events);
  ~ClusterTopology() override;

  void start(Mono now);
  void stop();
  // Time-outs, what is to be asked, and what follows from what was told; to be called at
  // next_turn().
  void turn(Mono now);
  Mono next_turn() const;
  // Writes what is to be written; to be called after each batch of events.
  void pump();

  // Where the key is counted by now: kNowhere where that is not known.
  ShardId shard_of(std::string_view key) const { return slots_[slot_of_key(key)]; }

  // Of one shard, whether it is in use or not.
  Topology& topology(ShardId shard);
  ShardGuide& guide(ShardId shard);

  // What there is to know.
  bool is_in_use(ShardId shard) const { return shards_[shard.value].in_use; }
  std::size_t unserved() const { return unserved_; }
  std::uint64_t primary_changes() const { return primary_changes_; }
  // Why there is no map, or nobody tells it, in words; empty where all is well.
  std::string_view trouble() const { return known_ ? std::string_view() : words_; }

 private:
  // A node that is asked.
  struct Node {
    HostPort address;
    std::unique_ptr<AskingTransport> way;
    std::unique_ptr<NodeLink> link;
    std::string trouble;  // why it tells nothing; empty where it does, or was not asked yet
    SlotMap map;
    Mono asked{INT64_MIN / 2};  // for that; before, it has told none
  };

  class Part;
  struct ShardState {
    bool in_use = false;
    ClusterShard shard;                 // as of the map in use
    std::vector<std::string> replicas;  // that have to follow
    Mono named_at = Witness::kNotNamed;
    std::unique_ptr<Part> part;
  };

  // One shard, as its link sees it.
  class Part final : public Topology, public ShardGuide {
   public:
    Part(ClusterTopology& whole, ShardId id) : whole_(whole), id_(id) {}

    std::optional<HostPort> primary(Mono now) override;
    void left(Mono now) override { whole_.ask_soon(now); }
    std::string_view awaits() const override { return whole_.trouble(); }
    const std::vector<std::string>& replicas() const override { return own().replicas; }
    Mono named_at() const override { return own().named_at; }
    void doubt(Mono now) override { whole_.ask_soon(now); }

    std::string record_key() const override;
    bool has_host_count() const override { return whole_.shard_of(kHostsKey) == id_; }
    bool moved(const Redirect& redirect, Mono now) override;
    void map_is_old(Mono now) override { whole_.ask_soon(now); }
    bool ask_elsewhere(const Redirect& redirect, const Reservation& reservation, Mono now) override;

   private:
    const ShardState& own() const { return whole_.shards_[id_.value]; }

    ClusterTopology& whole_;
    const ShardId id_;
  };

  void node_told(const HostPort& node, SlotMap map, Mono asked, Mono now) override;
  void node_failed(const HostPort& node, std::string_view why) override;

  void ask_all(Mono now);
  void ask_soon(Mono now);
  Node* find_node(const HostPort& address);
  const Node* fresh_node(const HostPort& address, Mono now) const;
  void want_nodes(Mono now);
  void judge(Mono now);
  const SlotMap* agreed_map(Mono now) const;
  const SlotMap* told_most(Mono now) const;
  bool has_majority(const SlotMap& map, Mono now) const;
  void learn_of_shards(Mono now);
  SlotRanges slots_to_name(const ShardState& state, Mono now) const;
  bool names(const SlotMap& told, const ShardState& state, const SlotRanges& slots) const;
  void learn_of_shard(ShardState& state, Mono now);
  void adopt(const SlotMap& map, Mono now);
  static bool is_replaced(const ShardState& state, const SlotMap& map);
  std::vector<ShardId> match(const SlotMap& map) const;
  ShardId find_successor(const ClusterShard& shard, const std::vector<bool>& taken) const;
  ShardId find_free(const std::vector<bool>& taken) const;
  void place_slots(const SlotMap& map, const std::vector<ShardId>& places);
  void name_shards(const SlotMap& map, const std::vector<ShardId>& places, Mono now);
  void pass_on(Mono now);
  void tell_unheard(Mono now);
  void tell_words();
  ShardId shard_at(const HostPort& primary) const;
  HostPort target_of(const Redirect& redirect, ShardId from) const;
  bool take_redirect(const Redirect& redirect, ShardId from, Mono now);

  const Options options_;
  ClusterWays& ways_;
  ClusterEvents& events_;
  std::vector<std::unique_ptr<Node>> nodes_;
  SlotMap map_;  // in use
  bool has_map_ = false;
  std::array<ShardState, kMostShards> shards_;
  std::vector<ShardId> slots_;  // of each slot
  std::size_t unserved_ = kHashSlots;

  Mono asked_{INT64_MIN / 2};
  Mono asks_at_ = kNever;        // kNever: stopped
  Mono seen_at_{INT64_MIN / 2};  // a majority told the map in use then, last
  Mono heard_at_;                // the last answer
  Mono agreed_at_;               // when the map in use had a majority last, while another was told
  bool disagreed_ = false;
  bool known_ = true;  // as it was told last
  bool told_ = false;  // something, since the last turn
  std::uint64_t primary_changes_ = 0;
  std::string words_;

  // Since the last turn.
  struct Taken {
    std::uint16_t slot;
    ShardId from, to;
    Mono seen;
  };
  std::vector<Taken> taken_;
  struct Asked {
    ShardId shard;
    Reservation reservation;
  };
  std::vector<Asked> to_ask_;
  std::vector<Mono> moved_at_;  // when each slot was redirected: two nodes may name each other
  Random random_;
};

}  // namespace rategate
