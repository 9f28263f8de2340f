#include "tests/sim/cluster_host.hpp"

#include <functional>
#include <utility>

#include "tests/reply_tree.hpp"
#include "tests/sim/daemon.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

ClusterTopology::Options topology_options(const World& world, const Cluster& cluster, int daemon) {
  ClusterTopology::Options options;
  options.seeds = cluster.seeds();
  options.connect_timeout_us = 2 * world.scenario().command_timeout_us;
  options.command_timeout_us = world.scenario().command_timeout_us;
  options.backoff_max_us = 1'000'000;
  options.jitter_seed = world.scenario().seed * 3000 + static_cast<std::uint64_t>(daemon);
  return options;
}

}  // namespace

// To one node. What is on its way belongs to one connection, and is nobody's once that has ended.
class ClusterHost::Way final : public AskingTransport {
 public:
  Way(ClusterHost& host, HostPort address) : host_(host), address_(std::move(address)) {
    host_.ways_.push_back(this);
  }
  ~Way() override {
    close();
    std::erase(host_.ways_, this);
  }

  void set_link(AskingLink& link) override { link_ = &link; }
  void connect() override {
    close();
    const auto connection = connection_ = std::make_shared<Connection>();
    connection->store = host_.world_.cluster()->reach(host_.daemon_.id(), address_);
    if (connection->store == nullptr) return;
    later(connection, delay_us() + delay_us(), [this](Connection& made) {
      if (!made.store->accepts()) {
        link_->closed("connection refused", host_.daemon_.now());
      } else {
        made.session = made.store->session_of(host_.daemon_.id());
        link_->connected(host_.daemon_.now());
      }
    });
  }
  void close() override {
    connection_ = nullptr;
    questions_ = 0;
  }
  void send(std::string_view) override { ++questions_; }
  void send_and_hear(std::string_view) override {}
  Mono flush() override {
    for (; questions_ > 0; --questions_) {
      if (!connection_->silent) ask(connection_);
    }
    return host_.daemon_.now();
  }
  std::string login() const override { return {}; }

  void cut_off(const std::set<const Store*>& from, bool silent) {
    if (connection_ == nullptr || !from.contains(connection_->store)) return;
    connection_->silent = true;
    if (!silent) link_->closed("cut", host_.daemon_.now());
  }

 private:
  struct Connection {
    Store* store = nullptr;
    Store::Session session;
    bool silent = false;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  std::int64_t delay_us() const {
    const Scenario& scenario = host_.world_.scenario();
    return scenario.least_delay_us + 1 + host_.world_.random().below(2 * scenario.delay_us);
  }

  // On the daemon, if this connection is still there.
  void later(const ConnectionPtr& connection, std::int64_t us,
             std::function<void(Connection&)> event) {
    Daemon& daemon = host_.daemon_;
    const std::weak_ptr<Connection> there = connection;
    host_.world_.events().in(us, [&daemon, there, event = std::move(event)] {
      daemon.when_awake([&daemon, there, event] {
        const ConnectionPtr still = there.lock();
        if (still == nullptr) return;
        event(*still);
        daemon.pump();
      });
    });
  }

  void ask(const ConnectionPtr& connection) {
    const std::weak_ptr<Connection> there = connection;
    Store* const store = connection->store;
    host_.world_.events().in(delay_us(), [this, there, store] {
      store->serve(0, [this, there] {
        const ConnectionPtr asked = there.lock();
        if (asked == nullptr || !asked->store->serves(asked->session)) return;
        answer(asked, host_.world_.cluster()->map_of(*asked->store));
      });
    });
  }

  void answer(const ConnectionPtr& connection, const std::string& map) {
    later(connection, delay_us(), [this, map](Connection&) {
      std::string_view text = map;
      const auto tree = ReplyTree::read(text);
      link_->replied(tree->view(), host_.daemon_.now());
    });
  }

  ClusterHost& host_;
  const HostPort address_;
  AskingLink* link_ = nullptr;
  ConnectionPtr connection_;
  int questions_ = 0;  // not written yet
};

ClusterHost::ClusterHost(World& world, Daemon& daemon)
    : ShardDirector(daemon.driver()),
      world_(world),
      daemon_(daemon),
      skews_us_(ClusterTopology::kMostShards + 1, 0),
      topology_(topology_options(world, *world.cluster(), daemon.id()), *this, *this) {}

std::unique_ptr<AskingTransport> ClusterHost::way_to(const HostPort& node) {
  return std::make_unique<Way>(*this, node);
}

std::int64_t ClusterHost::skew_us(const std::string& counter) {
  const auto [found, added] = gate_has_.try_emplace(counter, topology_.shard_of(counter));
  return skews_us_[found->second.value];
}

void ClusterHost::cut_off(const std::set<const Store*>& from, bool silent) {
  for (Way* const way : std::vector(ways_)) way->cut_off(from, silent);
}

void ClusterHost::slots_moved(Mono now) {
  for (auto& [counter, shard] : gate_has_) shard = topology_.shard_of(counter);
  ShardDirector::slots_moved(now);
}

void ClusterHost::shard_named(ShardId shard, const HostPort& primary, Mono now) {
  skews_us_[shard.value] = world_.cluster()->skew_us(primary);
  ShardDirector::shard_named(shard, primary, now);
}

}  // namespace rategate::sim
