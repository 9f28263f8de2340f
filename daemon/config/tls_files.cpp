#include "daemon/config/tls_files.hpp"

#include <string_view>
#include <variant>

#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

std::string_view setting_of(TlsFault::Of of) {
  switch (of) {
    case TlsFault::Of::Ca:
      return "tls_ca";
    case TlsFault::Of::Certificate:
      return "tls_cert";
    case TlsFault::Of::Key:
      return "tls_key";
  }
  return {};
}

void check_files(std::string_view section, const TlsConfig& tls, Loading& loading) {
  // Which of the two is missing is told by its rule.
  if (!tls.tls || tls.tls_cert.empty() != tls.tls_key.empty()) return;
  const auto made = TlsContext::make(tls_files(tls));
  const auto* fault = std::get_if<TlsFault>(&made);
  if (fault == nullptr) return;
  const Entry* named = find_entry(loading.root, section, setting_of(fault->of));
  loading.fault(loading.file, tls_fault_text(section, *fault),
                named == nullptr ? Place{} : named->value.place);
}

}  // namespace

TlsFiles tls_files(const TlsConfig& tls) { return {tls.tls_ca, tls.tls_cert, tls.tls_key}; }

std::string tls_fault_text(std::string_view section, const TlsFault& fault) {
  return full_name(*find_setting(section, setting_of(fault.of))) + ": " + fault.text;
}

void check_tls_files(Loading& loading) {
  const FixedConfig& fixed = loading.config.fixed;
  if (fixed.store != StoreKind::Redis) return;
  check_files("redis", fixed.redis, loading);
  check_files("sentinel", fixed.sentinel, loading);
}

}  // namespace rategate
