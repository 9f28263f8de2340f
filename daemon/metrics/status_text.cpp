#include "daemon/metrics/status_text.hpp"

namespace rategate {

std::string status_text(const Overview& overview, std::string_view reload_fault) {
  const GateStats& gate = overview.gate;
  const StoreFacts& store = overview.store;
  std::string text;
  text.append("store ").append(store.state).append(" (").append(store.address).append(")");
  if (!store.error.empty()) text += ": " + store.error;
  text +=
      "; " + std::to_string(overview.limits_configured) + " limits, " +
      std::to_string(overview.clients.open) + " clients, " +
      std::to_string(gate.allowed + gate.store_down_allowed + gate.unlimited + gate.shadow_denied) +
      " allowed, " +
      std::to_string(gate.denied + gate.store_down_denied + gate.lost_denied + gate.blocked) +
      " denied";
  if (store.state == "away") text += "; checks are answered by on_store_down";
  if (!store.password_error.empty() && store.error.empty()) {
    text += "; the newest password is not in use: " + store.password_error;
  }
  if (!overview.clock.measured_trusted) text += "; the store's time is not known well enough";
  if (!reload_fault.empty()) {
    text += "; reload failed, the settings before it are in force: ";
    text += reload_fault;
  }
  return text;
}

}  // namespace rategate
