#include "daemon/io/sessions/state.hpp"

#include <unistd.h>

#include <utility>

#include "daemon/base/version.hpp"
#include "daemon/config/address.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/sessions/peer_process.hpp"

namespace rategate {
namespace {

// So many pools are looked at each time they are asked for; more, in a twentieth of the time.
constexpr std::size_t kPoolsAtOnce = 1024;
constexpr std::int64_t kOthersShare = 19;

StoreFacts store_facts(const Engine& engine, StoreKind kind) {
  StoreStatus status = engine.store_status();
  const SentinelTopology* sentinels = engine.sentinels();
  if (status.error.empty() && sentinels != nullptr) status.error = sentinels->trouble();
  return {to_text(kind),
          engine.store_state(),
          std::move(status.address),
          std::move(status.version),
          std::move(status.run_id),
          std::move(status.error),
          std::string(engine.password_error()),
          status.reconnects,
          engine.store_counters()};
}

SentinelFacts sentinel_facts(const Engine& engine) {
  const SentinelTopology* sentinels = engine.sentinels();
  if (sentinels == nullptr) {
    SentinelFacts none;
    if (engine.cluster() != nullptr) none.primary_changes = engine.cluster()->primary_changes();
    return none;
  }
  const SentinelTopology::Status status = sentinels->status();
  SentinelFacts facts{sentinels->master(),
                      status.configured,
                      status.answering,
                      status.agreeing,
                      status.primary_changes,
                      {},
                      {}};
  const auto& in_use = sentinels->in_use();
  if (!in_use) return facts;
  if (const auto replicas = sentinels->majority().replicas_of(*in_use)) {
    facts.replicas = replicas->size();
  }
  const Mono named_at = sentinels->named_at();
  if (named_at != Witness::kNotNamed) facts.proof_age_us = mono_now().us - named_at.us;
  return facts;
}

ClusterFacts cluster_facts(const Engine& engine) {
  const ClusterTopology* cluster = engine.cluster();
  if (cluster == nullptr) return {};
  const StoreOverview store = engine.store();
  return {store.shards(), store.up(), store.away(), cluster->unserved()};
}

ClockFacts clock_facts(const Engine& engine) {
  ClockFacts facts;
  facts.measured_trusted = engine.clock_trusted();
  const Mono now = mono_now();
  const auto shard = engine.store().least_known_clock(now);
  if (!shard) return facts;
  const StoreClock& clock = engine.gate().shard(*shard).clock;
  const auto reading = clock.read(now);
  if (!reading) return facts;
  facts.offset_us = clock.offset_us();
  facts.error_us = reading->error_us();
  facts.trusted = clock.trusts(*reading);
  return facts;
}

LimitFacts facts_of(const LimitUse& use) {
  return {use.limit,
          use.leases(),
          use.in_all(&LimitTally::allowed),
          use.in_all(&LimitTally::denied),
          use.tally->shared,
          use.in_all(&LimitTally::shadow_denied),
          use.in_all(&LimitTally::near)};
}

SharedMemoryFacts shared_memory_facts(const Engine& engine) {
  const Segment* segment = engine.segment();
  if (segment == nullptr) return {};
  return {true, segment->pools().slots(), segment->pools().used()};
}

}  // namespace

State::State(const FixedConfig& config, std::string config_file, const Parts& parts)
    : config_(config.server),
      store_(config.store),
      config_file_(std::move(config_file)),
      parts_(parts),
      started_(mono_now()) {}

std::string_view State::version() { return kVersion; }

Overview State::overview() const {
  const Gate& gate = parts_.engine.gate();
  const LimitTable& limits = parts_.checks.limits();
  Overview overview;
  const Mono now = mono_now();
  overview.process = {kVersion,
                      getpid(),
                      (now.us - started_.us) / 1'000'000,
                      config_.socket,
                      config_file_,
                      parts_.log.dropped(),
                      parts_.engine.watch().longest_us(now)};
  overview.clients = {parts_.sessions.count(), parts_.sessions.most(),
                      parts_.sessions.budget().used()};
  overview.sessions = parts_.sessions.stats();
  overview.sessions.attached = parts_.sharing.attached();
  overview.sessions.attach_refused = parts_.sharing.refused();
  overview.store = store_facts(parts_.engine, store_);
  overview.sentinels = sentinel_facts(parts_.engine);
  overview.cluster = cluster_facts(parts_.engine);
  overview.clock = clock_facts(parts_.engine);
  overview.shm = shared_memory_facts(parts_.engine);
  overview.gate = gate.stats();
  overview.permits = gate.books().totals();
  overview.hosts = gate.hosts();
  overview.store_queue = gate.queued();
  overview.acquiring = gate.acquiring();
  overview.checks_waiting = gate.waiting() - overview.acquiring;
  overview.holds = gate.holds().stats();
  overview.entries = gate.holds().entries();
  overview.entries_waiting = gate.holds().waiting();
  overview.counters = gate.counters();
  overview.limits_configured = limits.configured_count();
  overview.limits_declared = limits.declared_count();
  overview.limits_gave_way = limits.gave_way();
  return overview;
}

// What clients have spent is known when their pools have been looked at. Where these are many it
// takes long enough that whoever asks for it without end would have the loop to himself.
void State::look_at_pools() {
  Gate& gate = parts_.engine.gate();
  const Mono now = mono_now();
  if (gate.counters() > kPoolsAtOnce && now < look_due_) return;
  gate.look_at_pools(now);
  const Mono done = mono_now();
  look_due_ = after(done, kOthersShare * (done.us - now.us));
}

Snapshot State::snapshot(bool with_limits) {
  if (with_limits) look_at_pools();
  Snapshot snapshot{overview(), {}};
  if (!with_limits) return snapshot;
  for (const LimitUsePtr& use : parts_.checks.limits().all()) {
    if (!use->is_combined()) snapshot.limits.push_back(facts_of(*use));
    for (const LimitUsePtr& window : use->windows) snapshot.limits.push_back(facts_of(*window));
  }
  return snapshot;
}

ClientStatus State::status_of(const Connection& connection, Mono now) const {
  const Session& session = connection.session();
  const Peer& peer = connection.peer();
  ClientStatus status;
  status.id = session.id;
  status.addr = peer.local ? config_.socket : to_text(peer_address(peer.socket));
  const PeerProcess process = process_of(peer);
  status.pid = process.pid;
  status.uid = process.uid;
  status.name = session.name;
  status.lib_name = session.lib_name;
  status.lib_version = session.lib_version;
  status.age_s = (now.us - connection.since().us) / 1'000'000;
  status.idle_s = (now.us - connection.active().us) / 1'000'000;
  status.resp = session.resp;
  status.parked = connection.parked();
  status.last_command = session.last_command;
  return status;
}

std::vector<ClientStatus> State::clients(std::uint64_t after, std::size_t most) {
  const Mono now = mono_now();
  std::vector<ClientStatus> result;
  for (const Connection* connection : parts_.sessions.some(after, most)) {
    result.push_back(status_of(*connection, now));
  }
  return result;
}

ClientStatus State::client(const Caller& caller) {
  return status_of(parts_.sessions.of(caller), mono_now());
}

}  // namespace rategate
