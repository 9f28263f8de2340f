// Nodes of a Redis Cluster that are in the test's hands, and what a topology tells of it.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/store/cluster/cluster_topology.hpp"
#include "tests/reply_tree.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/store/slot_map_text.hpp"

namespace rategate {

struct FakeNode {
  AskingLink* link = nullptr;
  bool open = false;
  std::size_t questions = 0;  // that are not answered
};

// Makes the ways, and keeps what is on them by address.
class FakeNodes final : public ClusterWays {
 public:
  std::unique_ptr<AskingTransport> way_to(const HostPort& node) override {
    return std::make_unique<Way>(nodes[to_text(node)], now);
  }
  bool is_asked(const std::string& node) { return nodes[node].questions > 0; }
  void answer(const std::string& node, const std::string& reply) {
    REQUIRE(is_asked(node));
    --nodes[node].questions;
    std::string_view text = reply;
    const auto tree = ReplyTree::read(text);
    nodes[node].link->replied(tree->view(), now);
  }

  Mono now{10'000'000};
  std::map<std::string, FakeNode> nodes;

 private:
  class Way final : public AskingTransport {
   public:
    Way(FakeNode& node, const Mono& now) : node_(node), now_(now) {}
    ~Way() override { node_ = {}; }
    void set_link(AskingLink& link) override { node_.link = &link; }
    void connect() override { node_.open = true; }
    void close() override {
      node_.open = false;
      node_.questions = 0;
    }
    void send(std::string_view) override { ++node_.questions; }
    void send_and_hear(std::string_view) override {}
    Mono flush() override { return now_; }
    std::string login() const override { return {}; }

   private:
    FakeNode& node_;
    const Mono& now_;
  };
};

// Keeps what a topology tells, as words: "0 at a:1", "1 is gone", "0 to 1", "moved".
class ToldByCluster final : public ClusterEvents {
 public:
  void cluster_event(const ClusterEvent& event) override { events.push_back(event.what); }
  void cluster_changed() override {}
  void slot_moved(std::uint16_t, ShardId from, ShardId to, Mono, Mono) override {
    const std::string words = name(from) + " to " + name(to);
    if (said.empty() || said.back() != words) said.push_back(words);
  }
  void slots_moved(Mono) override { said.emplace_back("moved"); }
  void shard_named(ShardId shard, const HostPort& primary, Mono) override {
    said.push_back(name(shard) + " at " + to_text(primary));
  }
  void shard_dissolved(ShardId shard, Mono) override { said.push_back(name(shard) + " is gone"); }
  void ask_at(ShardId shard, Reservation reservation, Mono) override {
    said.push_back("ask " + name(shard) + " for " + reservation.counter);
  }
  void nowhere_known(Mono) override { nowhere = true; }

  bool has(ClusterEvent::What what) const {
    return std::find(events.begin(), events.end(), what) != events.end();
  }
  std::vector<std::string> take() { return std::exchange(said, {}); }

  std::vector<std::string> said;
  std::vector<ClusterEvent::What> events;
  bool nowhere = false;

 private:
  static std::string name(ShardId shard) {
    return shard == ClusterTopology::kNowhere ? "nowhere" : std::to_string(shard.value);
  }
};

}  // namespace rategate
