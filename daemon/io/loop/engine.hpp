// Runs the Driver on the loop: brings it time, wakes it when its next moment has come, and hands
// the gate's answers to whoever asked. Once per turn of the loop, right before it waits for events.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/seldom.hpp"
#include "daemon/config/config.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/alarm.hpp"
#include "daemon/io/loop/clients_clock.hpp"
#include "daemon/io/loop/loop_watch.hpp"
#include "daemon/io/loop/memory_transport.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/loop/store_overview.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/redis/cluster_nodes.hpp"
#include "daemon/io/redis/redis_transport.hpp"
#include "daemon/io/redis/sentinels.hpp"
#include "daemon/io/shm/segment.hpp"
#include "daemon/store/cluster/shard_director.hpp"
#include "daemon/store/driver.hpp"

namespace rategate {

// What the engine tells whoever made it.
class EngineEvents {
 public:
  EngineEvents() = default;
  EngineEvents(const EngineEvents&) = delete;
  EngineEvents& operator=(const EngineEvents&) = delete;
  virtual ~EngineEvents() = default;

  virtual void check_answered(const Answer& answer) = 0;
  virtual void clear_answered(const Cleared& answer) = 0;
  virtual void entry_answered(const EntryAnswer& answer) = 0;
  virtual void checks_answered() = 0;  // after a batch of them
  virtual void store_changed() = 0;    // its state, or that of its clock
  virtual void turn_over() = 0;        // all that had come up is handled, and the loop waits next
};

class Engine final : private StoreEvents, private SentinelEvents, private ShardDirector {
 public:
  Engine(uv_loop_t* loop, const Config& config, Log& log);
  ~Engine() override;

  void start(EngineEvents& events);
  // Every waiting check is answered `Stopping` now; the store is let go.
  void stop();

  // Who logs in at the store from now on; where that is memory, nobody does.
  void configure(const LoginConfig& login);

  // The gate, for those who ask: checks, repeats, who has gone.
  Gate& gate() { return driver_.gate(); }
  const Gate& gate() const { return driver_.gate(); }
  // For whoever handles what comes up.
  LoopWatch& watch() { return watch_; }
  // Null when shared memory is off.
  Segment* segment() const { return segment_.get(); }

  StoreOverview store() const { return {driver_, shards_in_use()}; }
  StoreStatus store_status() const;
  // Null where there are no sentinels.
  const SentinelTopology* sentinels() const {
    return sentinels_ == nullptr ? nullptr : &sentinels_->topology();
  }
  // Null where there is no cluster.
  const ClusterTopology* cluster() const {
    return cluster_ == nullptr ? nullptr : &cluster_->topology();
  }
  // Why the newest password is not in use; empty where it is, and where there is none.
  std::string_view password_error() const;
  // "up", "connecting", "away" or "refusing".
  std::string_view store_state() const;
  // Counters in the memory store; nothing where it is another.
  std::optional<std::size_t> store_counters() const;
  // The latest time that it may be at any shard; nothing before one was measured.
  std::optional<StoreTime> latest_time() const;
  bool clock_trusted() const;  // as of the last measurements
  // The store has answered once, or it is known that it does not.
  bool settled() const;

 private:
  void store_event(const StoreEvent& event) override;
  void sentinel_event(const SentinelEvent& event) override;
  void primary_named(const HostPort& primary, Mono now) override;
  void sentinels_changed() override;
  void cluster_event(const ClusterEvent& event) override;
  void cluster_changed() override;
  void shard_dissolved(ShardId shard, Mono now) override;

  void end_turn();
  Mono pump();  // when it was done
  Mono next_turn() const;
  void look_at_clients_clock();
  void tell_forged();
  bool answer();  // false: there was nobody to be answered
  std::vector<ShardId> shards_in_use() const;
  ShardId shard_of(const LimitUse& use, std::string_view key) const;
  Gate::Options gate_options(const FixedConfig& config) const;
  Link::Options options_of_link(const FixedConfig& config, ShardId shard);
  void add_links(uv_loop_t* loop, const Config& config);
  static std::unique_ptr<Segment> make_segment(uv_loop_t* loop, const FixedConfig& config, Log& log,
                                               Engine* self);

  Log& log_;
  EngineEvents* events_ = nullptr;
  LoopWatch watch_;
  std::unique_ptr<Segment> segment_;
  ClientsClock clients_clock_;
  Driver driver_;
  const RedisConfig redis_config_;
  const std::string seeds_;                             // of the cluster
  std::unique_ptr<Sentinels> sentinels_;                // null where there are none
  std::unique_ptr<ClusterNodes> cluster_;               // null where there is none
  std::unique_ptr<FixedReplicas> replicas_;             // null where none are configured
  std::vector<std::unique_ptr<RedisTransport>> redis_;  // of each shard; none where it is memory
  std::unique_ptr<MemoryTransport> memory_;
  UvHandle<uv_prepare_t> prepare_;
  Alarm alarm_;
  std::vector<Answer> answers_;
  std::vector<Cleared> cleared_;
  std::vector<EntryAnswer> entered_;
  std::vector<ShardId> clocks_not_trusted_;
  bool stopped_ = false;
  Seldom spoilt_counters_;
  Seldom buckets_ahead_;
  Seldom forged_words_;
  std::uint64_t told_forged_ = 0;
};

}  // namespace rategate
