// Fills what daemon/metrics tells of: the one place that reads it all from the running parts.
#include "daemon/metrics/snapshot.hpp"

#include <unistd.h>

#include "daemon/base/version.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/sessions/server.hpp"

namespace rategate {
namespace {

StoreFacts store_facts(const Engine& engine, StoreKind kind) {
  StoreStatus status = engine.store_status();
  return {to_text(kind),
          engine.store_state(),
          std::move(status.address),
          std::move(status.version),
          std::move(status.run_id),
          std::move(status.error),
          status.reconnects};
}

ClockFacts clock_facts(const Engine& engine) {
  ClockFacts facts;
  facts.measured_trusted = engine.clock_trusted();
  if (const auto reading = engine.clock()) {
    const StoreClock& clock = engine.gate().clock();
    facts.offset_us = clock.offset_us();
    facts.error_us = reading->error_us();
    facts.trusted = clock.trusts(*reading);
  }
  return facts;
}

SharedMemoryFacts shared_memory_facts(const Engine& engine) {
  const Segment* segment = engine.segment();
  if (segment == nullptr) return {};
  return {true, segment->pools().slots(), segment->pools().used()};
}

}  // namespace

Overview Server::overview() const {
  const Gate& gate = engine_.gate();
  Overview overview;
  overview.process = {
      kVersion,     getpid(),      (mono_now().us - started_.us) / 1'000'000, config_.server.socket,
      config_file_, log_.dropped()};
  overview.clients = {connections_.size(), config_.server.max_clients, budget_.used()};
  overview.sessions = stats_;
  overview.store = store_facts(engine_, config_.store);
  overview.clock = clock_facts(engine_);
  overview.shm = shared_memory_facts(engine_);
  overview.gate = gate.stats();
  overview.checks_waiting = gate.waiting();
  overview.counters = gate.counters();
  overview.limits_configured = limits_.configured_count();
  overview.limits_declared = limits_.declared_count();
  return overview;
}

Snapshot Server::snapshot() {
  engine_.look_at_pools();
  Snapshot snapshot{overview(), engine_.gate().held(), {}};
  for (const LimitUsePtr& use : limits_.all()) {
    snapshot.limits.push_back({use->limit, use->leased, use->allowed, use->denied, use->shared});
  }
  return snapshot;
}

}  // namespace rategate
