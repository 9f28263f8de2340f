// INFO's sections: docs/protocol.md says what each field means.
#include <unistd.h>

#include "daemon/base/duration.hpp"
#include "daemon/base/version.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/sessions/server.hpp"

namespace rategate {

std::vector<InfoSection> Server::info() {
  const auto number = [](auto value) { return std::to_string(value); };
  engine_.look_at_pools();
  const Gate& gate = engine_.gate();
  const GateStats& stats = gate.stats();
  const StoreStatus store = engine_.store_status();
  const auto clock = engine_.clock();

  InfoSection server{"server",
                     {{"rategate_version", kVersion},
                      {"process_id", number(getpid())},
                      {"uptime_in_seconds", number((mono_now().us - started_.us) / 1'000'000)},
                      {"socket", config_.server.socket},
                      {"config_file", config_file_}}};
  InfoSection clients{"clients",
                      {{"connected_clients", number(connections_.size())},
                       {"max_clients", number(config_.server.max_clients)},
                       {"waiting_checks", number(gate.waiting())},
                       {"total_connections_received", number(last_id_)},
                       {"rejected_connections", number(rejected_)},
                       {"buffer_bytes", number(budget_.used())}}};
  InfoSection store_section{"store",
                            {{"store", std::string(to_text(config_.store))},
                             {"store_status", std::string(engine_.store_state())},
                             {"store_address", store.address},
                             {"store_version", store.version},
                             {"store_run_id", store.run_id},
                             {"store_error", store.error},
                             {"store_reconnects", number(store.reconnects)},
                             {"windows_lost", number(stats.windows_lost)},
                             {"clock_offset_us", clock ? number(gate.clock().offset_us()) : ""},
                             {"clock_error_us", clock ? number(clock->error_us()) : ""},
                             {"clock_trusted", clock && gate.clock().trusts(*clock) ? "1" : "0"}}};
  InfoSection limits{"limits",
                     {{"configured", number(limits_.configured_count())},
                      {"declared", number(limits_.declared_count())}}};
  for (const LimitUsePtr& use : limits_.all()) {
    const Limit& limit = *use->limit;
    limits.fields.emplace_back(
        "limit_" + limit.name,
        "rate=" + format_rate({limit.permits, limit.period_ms}) +
            ",mode=" + std::string(to_text(limit.mode)) +
            ",on_store_down=" + std::string(to_text(limit.on_store_down)) +
            ",allowed=" + number(use->allowed) + ",denied=" + number(use->denied) +
            ",leased=" + (use->leased ? "1" : "0") + ",shared=" + number(use->shared));
  }
  const Segment* segment = engine_.segment();
  InfoSection leases{"leases",
                     {{"permits_reserved", number(stats.reserved)},
                      {"permits_spent", number(stats.spent)},
                      {"permits_spent_shared", number(stats.shared)},
                      {"permits_released", number(stats.released)},
                      {"permits_stranded", number(stats.stranded)},
                      {"permits_held", number(gate.held())},
                      {"shm_enabled", segment != nullptr ? "1" : "0"},
                      {"shm_attached", number(attached_)},
                      {"shm_slots", number(segment != nullptr ? segment->pools().slots() : 0)},
                      {"shm_slots_used", number(segment != nullptr ? segment->pools().used() : 0)},
                      {"shm_table_full", number(stats.table_full)},
                      {"shm_nudges", number(stats.nudges)},
                      {"shm_forged", number(stats.forged)}}};
  InfoSection counts{"stats",
                     {{"total_commands_processed", number(commands_)},
                      {"checks", number(stats.checks)},
                      {"checks_allowed", number(stats.allowed)},
                      {"checks_denied", number(stats.denied)},
                      {"checks_denied_locally", number(stats.denied_locally)},
                      {"checks_never_fit", number(stats.never_fits)},
                      {"checks_clock_not_trusted", number(stats.clock_not_trusted)},
                      {"checks_window_lost", number(stats.lost_denied)},
                      {"store_down_denied", number(stats.store_down_denied)},
                      {"store_down_allowed", number(stats.store_down_allowed)},
                      {"store_down_errors", number(stats.store_down_errors)},
                      {"reservations", number(stats.reservations)},
                      {"answers_late", number(stats.late_answers)},
                      {"counters", number(gate.counters())},
                      {"protocol_errors", number(protocol_errors_)},
                      {"log_lines_dropped", number(log_.dropped())}}};
  return {std::move(server), std::move(clients), std::move(store_section),
          std::move(limits), std::move(leases),  std::move(counts)};
}

}  // namespace rategate
