#include "daemon/io/loop/engine.hpp"

#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "daemon/io/loop/cluster_log.hpp"
#include "daemon/io/loop/sentinel_log.hpp"
#include "daemon/io/loop/store_log.hpp"
#include "daemon/io/redis/way_options.hpp"

namespace rategate {
namespace {

// Rounds of the pump in one turn of the loop; a memory store answers in the next of them, and could
// have others wait for as long as it is asked.
constexpr int kMostRounds = 4;

// Never blocks once the machine has booted; without it a hash is merely not seeded.
HashSeed random_seed() {
  HashSeed seed;
  if (getrandom(&seed, sizeof seed, 0) < 0) seed = {};
  return seed;
}

std::string texts_of(const std::vector<HostPort>& servers) {
  std::string text;
  for (const HostPort& server : servers) text += (text.empty() ? "" : ",") + to_text(server);
  return text;
}

Link::Options link_options(const FixedConfig& config) {
  const RedisConfig& redis = config.redis;
  Link::Options options;
  static_cast<WayOptions&>(options) = way_options(redis);
  const bool memory = config.store == StoreKind::Memory;
  const bool sentinels = !memory && !config.sentinel.addresses.empty();
  options.address = memory      ? "memory"
                    : sentinels ? "sentinel:" + config.sentinel.master
                                : address_of(redis);
  options.greeting.select = !memory && redis.db != 0;
  options.min_replicas = memory ? 0 : redis.min_replicas;
  return options;
}

}  // namespace

Engine::Engine(uv_loop_t* loop, const Config& whole, Log& log)
    : ShardDirector(driver_, whole.fixed.redis.tls ? "tls:" : ""),
      log_(log),
      segment_(make_segment(loop, whole.fixed, log, this)),
      driver_(gate_options(whole.fixed), segment_ == nullptr ? nullptr : &segment_->pools(), *this),
      redis_config_(whole.fixed.redis),
      seeds_(texts_of(whole.fixed.cluster.addresses)),
      sentinels_(Sentinels::make(loop, whole.fixed, watch_, *this)),
      cluster_(ClusterNodes::make(loop, redis_config_, whole, watch_, *this)),
      alarm_(loop) {
  uv_prepare_init(loop, prepare_.get());
  prepare_.opened(this);
  if (whole.fixed.store == StoreKind::Memory) {
    memory_ = std::make_unique<MemoryTransport>(random_seed());
    driver_.add(link_options(whole.fixed), *memory_);
  } else {
    add_links(loop, whole);
  }
}

// Of a cluster as many as there may be; which of them are in use the map says.
void Engine::add_links(uv_loop_t* loop, const Config& config) {
  const std::size_t shards = cluster_ == nullptr ? 1 : ClusterTopology::kMostShards;
  for (std::size_t at = 0; at < shards; ++at) {
    const ShardId shard{static_cast<std::uint16_t>(at)};
    Topology* const topology = cluster_ != nullptr     ? &cluster_->topology().topology(shard)
                               : sentinels_ != nullptr ? &sentinels_->topology()
                                                       : nullptr;
    RedisTransport& transport = *redis_.emplace_back(
        std::make_unique<RedisTransport>(loop, redis_config_, config.live.login, watch_, topology));
    Link& link = driver_.add(options_of_link(config.fixed, shard), transport);
    link.set_auth(transport.has_password());
    transport.set_link(link);
  }
}

Gate::Options Engine::gate_options(const FixedConfig& config) const {
  Gate::Options options;
  options.command_timeout_us = config.redis.command_timeout_ms * 1000;
  options.share_hosts_min = config.redis.share_hosts_min;
  options.max_parked = static_cast<std::size_t>(config.server.max_parked);
  options.max_parked_per_key = static_cast<std::size_t>(config.server.max_parked_per_key);
  options.clock.max_error_us = config.clock.max_error_us;
  options.clock.max_drift_ppm = config.clock.max_drift_ppm;
  options.seed = random_seed();
  options.jitter_seed = options.seed.k0 ^ static_cast<std::uint64_t>(mono_now_ns());
  const bool may_fail_over = config.store != StoreKind::Memory &&
                             (!config.cluster.addresses.empty() ||
                              !config.sentinel.addresses.empty() || !config.redis.replicas.empty());
  if (may_fail_over) options.skew_us = kMaxSkewUs;
  if (config.cluster.addresses.empty()) return options;
  static_assert(ClusterTopology::kMostShards <= SharedPools::kClocks);
  options.shards = ClusterTopology::kMostShards + 1;  // with that of slots that are nowhere
  options.shard_of = [this](const LimitUse& use, std::string_view key) {
    return shard_of(use, key);
  };
  return options;
}

// All windows of a counter are in one slot, or it cannot be counted in a cluster.
ShardId Engine::shard_of(const LimitUse& use, std::string_view key) const {
  if (!use.limit->redis_key.has_steady_tag()) return ClusterTopology::kNowhere;
  return cluster_->topology().shard_of(use.names.of(key, 0));
}

// With what its primary has to prove.
Link::Options Engine::options_of_link(const FixedConfig& config, ShardId shard) {
  Link::Options options = link_options(config);
  options.jitter_seed += shard.value;
  if (cluster_ != nullptr) {
    options.greeting.cluster = true;
    options.witness = &cluster_->topology().topology(shard);
    options.guide = &cluster_->topology().guide(shard);
  } else if (sentinels_ != nullptr) {
    options.witness = &sentinels_->topology();
  } else if (!config.redis.replicas.empty()) {
    std::vector<std::string> replicas;
    for (const HostPort& replica : config.redis.replicas) replicas.push_back(to_text(replica));
    replicas_ = std::make_unique<FixedReplicas>(std::move(replicas));
    options.witness = replicas_.get();
  }
  return options;
}

std::unique_ptr<Segment> Engine::make_segment(uv_loop_t* loop, const FixedConfig& config, Log& log,
                                              Engine* self) {
  if (!config.shm.enabled) return nullptr;
  constexpr const char* kOff = "there is no shared memory: checks go over the socket";
  // The nudge wakes the loop, and the pump comes with each wake.
  auto segment = Segment::make(loop, config.shm.slots, [self](std::uint32_t slot) {
    if (self->stopped_) return;
    const Mono now = mono_now();
    self->watch_.works(now);
    self->gate().nudged({slot}, now);
  });
  if (segment) return std::move(*segment);
  log.event(LogLevel::Warning, "shm_off", kOff, {{"why", segment.error()}});
  return nullptr;
}

Engine::~Engine() { stopped_ = true; }

void Engine::start(EngineEvents& events) {
  events_ = &events;
  // The alarm only has to wake the loop: the turn comes with each wake.
  uv_prepare_start(prepare_.get(), [](uv_prepare_t* prepare) {
    if (prepare->data != nullptr) static_cast<Engine*>(prepare->data)->end_turn();
  });
  if (sentinels_ != nullptr) sentinels_->topology().start(mono_now());
  if (cluster_ != nullptr) cluster_->topology().start(mono_now());
  gate().set_clients_behind(clients_clock_.behind_ns(), mono_now());
  driver_.start(mono_now());
}

void Engine::stop() {
  if (std::exchange(stopped_, true)) return;
  driver_.stop(mono_now());
  if (sentinels_ != nullptr) sentinels_->topology().stop();
  if (cluster_ != nullptr) cluster_->topology().stop();
  answer();
}

void Engine::configure(const LoginConfig& login) {
  for (const auto& transport : redis_) transport->configure(login);
  if (cluster_ != nullptr) cluster_->configure(login);
}

void Engine::end_turn() {
  const Mono now = pump();
  events_->turn_over();
  watch_.waits(now);
}

Mono Engine::pump() {
  Mono now = mono_now();
  if (stopped_) return now;
  look_at_clients_clock();
  bool more = true;
  for (int round = 0; more && round < kMostRounds; ++round) {
    if (sentinels_ != nullptr) sentinels_->topology().turn(now);
    if (cluster_ != nullptr) cluster_->topology().turn(now);
    driver_.pump(now);
    if (sentinels_ != nullptr) sentinels_->topology().pump();
    if (cluster_ != nullptr) cluster_->topology().pump();
    const bool delivered = memory_ != nullptr && memory_->deliver(driver_.link({0}));
    now = mono_now();
    // Who was answered may have asked on at once.
    const bool answered = answer();
    more = !stopped_ && (delivered || answered || next_turn() <= now);
  }
  tell_forged();
  alarm_.set(more ? now : next_turn());
  return now;
}

Mono Engine::next_turn() const {
  Mono next = driver_.next_turn();
  if (sentinels_ != nullptr) next = std::min(next, sentinels_->topology().next_turn());
  if (cluster_ != nullptr) next = std::min(next, cluster_->topology().next_turn());
  return next;
}

void Engine::look_at_clients_clock() {
  if (segment_ == nullptr || !clients_clock_.look()) return;
  gate().set_clients_behind(clients_clock_.behind_ns(), mono_now());
}

// At most once in a while: who forges words may do it without end.
void Engine::tell_forged() {
  const std::uint64_t forged = gate().stats().forged;
  if (forged == told_forged_ || forged_words_.happened(mono_now()) == 0) return;
  log_.event(LogLevel::Warning, "shm_forged",
             "a program that shares the memory wrote what was never put there: permits of this "
             "host are lost",
             {{"words", forged - told_forged_}});
  told_forged_ = forged;
}

bool Engine::answer() {
  auto& entered = gate().holds().answers();
  if (gate().answers().empty() && gate().cleared().empty() && entered.empty()) return false;
  answers_.swap(gate().answers());
  for (const Answer& answer : answers_) events_->check_answered(answer);
  answers_.clear();
  cleared_.swap(gate().cleared());
  for (const Cleared& answer : cleared_) events_->clear_answered(answer);
  cleared_.clear();
  entered_.swap(entered);
  for (const EntryAnswer& answer : entered_) events_->entry_answered(answer);
  entered_.clear();
  events_->checks_answered();
  return true;
}

// ---- What there is to know ----------------------------------------------------------------

std::vector<ShardId> Engine::shards_in_use() const {
  if (cluster_ == nullptr) return {ShardId{0}};
  std::vector<ShardId> shards;
  for (std::uint16_t at = 0; at < ClusterTopology::kMostShards; ++at) {
    if (cluster_->topology().is_in_use({at})) shards.push_back({at});
  }
  return shards;
}

StoreStatus Engine::store_status() const {
  StoreStatus status = store().status();
  if (cluster_ == nullptr) return status;
  status.address = "cluster:" + seeds_;
  if (status.error.empty()) status.error = cluster_->topology().trouble();
  return status;
}

bool Engine::settled() const {
  if (cluster_ == nullptr || !cluster_->topology().trouble().empty()) return store().is_settled();
  return !shards_in_use().empty() && store().is_settled();
}

bool Engine::clock_trusted() const { return clocks_not_trusted_.empty(); }

std::optional<StoreTime> Engine::latest_time() const {
  std::optional<StoreTime> latest;
  for (const ShardId shard : shards_in_use()) {
    const auto reading = gate().shard(shard).clock.read(mono_now());
    if (reading && (!latest || *latest < reading->latest)) latest = reading->latest;
  }
  return latest;
}

std::optional<std::size_t> Engine::store_counters() const {
  return memory_ == nullptr ? std::nullopt : std::optional(memory_->counters());
}

std::string_view Engine::password_error() const {
  for (const auto& transport : redis_) {
    if (!transport->password_error().empty()) return transport->password_error();
  }
  return {};
}

std::string_view Engine::store_state() const {
  const bool lost =
      cluster_ != nullptr && shards_in_use().empty() && !cluster_->topology().trouble().empty();
  return lost ? "away" : store().state();
}

void Engine::store_event(const StoreEvent& event) {
  using What = StoreEvent::What;
  if (event.what == What::Changed) {
    events_->store_changed();
    return;
  }
  if (event.what == What::ClockTrusted || event.what == What::ClockNotTrusted) {
    std::erase(clocks_not_trusted_, event.shard);
    if (event.what == What::ClockNotTrusted) clocks_not_trusted_.push_back(event.shard);
  }
  if (event.what == What::CounterSpoilt && spoilt_counters_.happened(mono_now()) == 0) return;
  if (event.what == What::BucketAhead && buckets_ahead_.happened(mono_now()) == 0) return;
  log_store_event(log_, event, driver_.link(event.shard).status(),
                  gate().shard(event.shard).clock.options().max_error_us);
}

void Engine::sentinel_event(const SentinelEvent& event) {
  log_sentinel_event(log_, event, sentinels_->topology().master());
}

void Engine::primary_named(const HostPort& primary, Mono now) {
  const std::string& master = sentinels_->topology().master();
  driver_.link({0}).moved(address_of(redis_config_, primary) + " (" + master + ")", now);
}

void Engine::sentinels_changed() { events_->store_changed(); }

// ---- A cluster's shards -------------------------------------------------------------------

void Engine::cluster_event(const ClusterEvent& event) { log_cluster_event(log_, event); }

void Engine::cluster_changed() { events_->store_changed(); }

void Engine::shard_dissolved(ShardId shard, Mono now) {
  ShardDirector::shard_dissolved(shard, now);
  std::erase(clocks_not_trusted_, shard);
}

}  // namespace rategate
