// The nodes of a Redis Cluster: some shards, each a primary with its replicas, between which slots
// are moved while they are asked. Each node has a view of its own of who serves what, which lags;
// by that it answers MOVED, ASK, TRYAGAIN, and what the map is.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/host_port.hpp"
#include "tests/sim/replicas.hpp"
#include "tests/sim/store.hpp"

namespace rategate::sim {

class World;

class Cluster {
 public:
  explicit Cluster(World& world);

  // Where it is asked first.
  std::vector<HostPort> seeds() const;
  // The node at that address, for that host; null where it is cut off from it.
  Store* reach(int host, const HostPort& address);
  // What that node answers to CLUSTER SLOTS, as RESP.
  std::string map_of(const Store& store) const;
  // The servers of one shard, of which that is one.
  Replicas& shard_of(const Store& store);
  // How far the clocks of the shard are ahead whose node that is.
  std::int64_t skew_us(const HostPort& address) const;
  // That moment by a shard that has the counter or had it: within the window, where it is for one
  // of them.
  std::int64_t time_us(std::string_view counter, const Window& window, std::int64_t us) const;
  int shards() const { return static_cast<int>(shards_.size()); }
  // Whether a replica of a shard was promoted where the counter is, or of any one while it was
  // moved; or some node lags behind, or that host was lately cut off.
  bool is_disturbed(int host, std::string_view counter) const;
  // What befalls it until the end.
  void plan();

 private:
  // Who has a slot, or is the primary of a shard, and how new that is.
  struct Known {
    int what = 0;
    std::uint64_t version = 0;
  };
  struct Node {
    int shard = 0;
    int member = 0;  // of the shard
    HostPort address;
    Store* store = nullptr;
    std::map<std::uint16_t, Known> slots;    // that are not where they were at the beginning
    std::vector<Known> primaries;            // of each shard, by member
    std::map<std::uint16_t, int> migrating;  // to which shard
    std::set<std::uint16_t> importing;
  };
  struct Shard {
    std::unique_ptr<Replicas> servers;
    std::int64_t skew_us = 0;
    int leaving = 0;            // slots that are on their way from it
    std::int64_t moved_us = 0;  // when the last one was there
    bool fails_over = false;
    std::int64_t promoted_us = 0;  // when its primary was, last
    std::int64_t disturbed_until_us = 0;
    bool is_settled() const { return !fails_over && servers->is_settled(); }
  };

  Node& primary_of(int shard);
  Node& node_at(int shard, int member);
  const Node* find(const Store& store) const;
  int first_shard(std::uint16_t slot) const;
  std::set<int> shards_with(std::string_view counter) const;
  int shard_in_view(const Node& node, std::uint16_t slot) const;
  int shard_of_slot(std::uint16_t slot) const;
  std::string redirect(const Node& node, const std::vector<std::string>& keys, bool asking) const;
  std::string row(const Node& node, int first, int last, int shard) const;
  std::int64_t now() const;

  int any_host();
  std::uint16_t any_slot();
  void move_slot();
  void move_slot(std::uint16_t slot);
  // On its way.
  struct Move {
    std::uint16_t slot = 0;
    int from = 0, to = 0;
    bool long_apart = false;  // its keys are, for seconds
  };
  bool may_move(std::uint16_t slot, int to);
  Move begin_move(std::uint16_t slot, int to, bool long_apart);
  bool move_key(const Move& move);
  void move_keys(const Move& move);
  void settle_slot(std::uint16_t slot, int from, int to);
  void learn_slot(Node& node, std::uint16_t slot, const Known& known);
  int shard_to_fail(std::uint16_t slot);
  bool may_come_in_part(std::uint16_t slot, int to);
  void come_in_part(std::uint16_t slot, int to);
  void fail_over();
  void promoted(int shard, int member);
  void demoted(int shard, int member);
  void cut_off(int host, int shard, std::int64_t us);
  void cut_off_all_but_one(int shard);

  World& world_;
  std::deque<Shard> shards_;
  std::deque<Node> nodes_;
  std::map<std::uint16_t, int> moved_;          // where those are that are not where they were
  std::map<std::uint16_t, std::set<int>> had_;  // which shards have ever had those
  // Of slot and shard, when that has taken it, or it has left, last.
  std::map<std::pair<std::uint16_t, int>, std::int64_t> taken_us_, left_us_;
  bool has_failed_over_ = false;
  int late_host_ = 0;  // which is cut off where a primary is replaced
  std::uint64_t version_ = 0;
  struct Cut {
    std::int64_t until_us = 0;
    std::set<const Store*> from;
  };
  std::vector<Cut> cuts_;  // of each host
};

}  // namespace rategate::sim
