#include "daemon/config/checks.hpp"

#include <algorithm>
#include <string>

#include "daemon/base/duration.hpp"
#include "daemon/config/address.hpp"
#include "daemon/config/limit_checks.hpp"
#include "daemon/config/parents.hpp"
#include "daemon/config/settings/settings.hpp"
#include "daemon/config/tls_files.hpp"

namespace rategate {
namespace {

constexpr Rule kRules[] = {
    {"redis", "", Need::Where, "store", to_text(StoreKind::Redis)},
    {"sentinel", "", Need::Where, "store", to_text(StoreKind::Redis), {}},
    {"cluster", "", Need::Where, "store", to_text(StoreKind::Redis), {}},
    {"server", "tcp", Need::HostAlone, "tcp_allow_remote", {}},
    {"redis", "host", Need::YieldsTo, "unix_socket", {}},
    {"redis", "port", Need::YieldsTo, "unix_socket", {}},
    {"redis", "host", Need::YieldsTo, "addresses", {}, "sentinel"},
    {"redis", "port", Need::YieldsTo, "addresses", {}, "sentinel"},
    {"redis", "unix_socket", Need::YieldsTo, "addresses", {}, "sentinel"},
    {"redis", "replicas", Need::YieldsTo, "addresses", {}, "sentinel"},
    {"redis", "host", Need::YieldsTo, "addresses", {}, "cluster"},
    {"redis", "port", Need::YieldsTo, "addresses", {}, "cluster"},
    {"redis", "unix_socket", Need::YieldsTo, "addresses", {}, "cluster"},
    {"redis", "db", Need::YieldsTo, "addresses", {}, "cluster"},
    {"redis", "replicas", Need::YieldsTo, "addresses", {}, "cluster"},
    {"sentinel", "addresses", Need::YieldsTo, "addresses", {}, "cluster"},
    {"redis", "password_file", Need::StandsInFor, "password", {}},
    {"redis", "password_command", Need::StandsInFor, "password", {}},
    {"redis", "password_command", Need::StandsInFor, "password_file", {}},
    {"redis", "backoff_min", Need::AtMost, "backoff_max", {}},
    {"redis", "username", Need::With, "password", {}},
    {"redis", "tls", Need::Without, "unix_socket", {}},
    {"redis", "tls_ca", Need::SwitchedBy, "tls", {}},
    {"redis", "tls_cert", Need::SwitchedBy, "tls", {}},
    {"redis", "tls_cert", Need::With, "tls_key", {}},
    {"redis", "tls_key", Need::With, "tls_cert", {}},
    {"redis", "tls_name", Need::SwitchedBy, "tls", {}},
    {"redis", "tls_insecure_no_verify", Need::SwitchedBy, "tls", {}},
    {"redis", "tls_insecure_no_verify", Need::Without, "tls_ca", {}},
    {"sentinel", "", Need::Leads, "addresses", {}},
    {"sentinel", "addresses", Need::With, "master", {}},
    {"sentinel", "password_file", Need::StandsInFor, "password", {}},
    {"sentinel", "username", Need::With, "password", {}},
    {"sentinel", "tls_ca", Need::SwitchedBy, "tls", {}},
    {"sentinel", "tls_cert", Need::SwitchedBy, "tls", {}},
    {"sentinel", "tls_cert", Need::With, "tls_key", {}},
    {"sentinel", "tls_key", Need::With, "tls_cert", {}},
    {"sentinel", "tls_name", Need::SwitchedBy, "tls", {}},
    {"sentinel", "tls_insecure_no_verify", Need::SwitchedBy, "tls", {}},
    {"sentinel", "tls_insecure_no_verify", Need::Without, "tls_ca", {}},
};

constexpr const char* kNoStore =
    "no store is chosen: expected a [redis], [sentinel] or [cluster] section or store = "
    "\"memory\" in the file, "
    "REDIS_HOST in the environment, or --redis or --memory on the command line";

const Setting& name_of(const Rule& rule) { return *find_setting(rule.section, rule.name); }
const Setting& other_of(const Rule& rule) {
  if (rule.need == Need::Where) return *find_setting("", rule.other);
  return *find_setting(rule.of.empty() ? rule.section : rule.of, rule.other);
}

// A switch says something where it is on, a text where there is some.
bool is_on(const Setting& setting, const Config& config) {
  if (setting.kind == Kind::Switch) return value_of<bool>(setting, config);
  return has_value(setting, config);
}

bool says_something(std::string_view section, const Config& config) {
  return std::any_of(settings().begin(), settings().end(), [&](const Setting& setting) {
    return setting.section == section && is_on(setting, config);
  });
}

// Judged once each source had its say, since a later one may bring the other setting.
bool is_of_the_whole(const Rule& rule) {
  return rule.need == Need::With || rule.need == Need::SwitchedBy || rule.need == Need::Leads;
}

// Whether a setting says something, itself or by what stands in for it.
bool is_said(const Setting& setting, const Config& config) {
  return has_value(setting, config) ||
         std::any_of(std::begin(kRules), std::end(kRules), [&](const Rule& rule) {
           const auto other = substitute(rule);
           return other && other->instead_of == &setting && has_value(*other->setting, config);
         });
}

// Empty: it is one of this host alone, or may be another's.
std::string address_fault(const std::string& text, std::string_view allows, bool allowed) {
  if (text.empty()) return {};
  const auto address = parse_tcp_address(text);
  if (!address) return address.error();
  if (address->loopback || allowed) return {};
  return "other hosts can reach " + text +
         ": expected an address of this host alone such as \"127.0.0.1:6380\", or " +
         std::string(allows) + " = true";
}

std::string address_fault(const Rule& rule, const Config& config) {
  return address_fault(value_of<std::string>(name_of(rule), config), rule.other,
                       value_of<bool>(other_of(rule), config));
}

// What is wrong with the setting `name`, if the rule does not hold.
std::string fault_text(const Rule& rule, const Config& config) {
  const std::string other = rule.of.empty() ? std::string(rule.other) : full_name(other_of(rule));
  switch (rule.need) {
    case Need::Where:
      return "[" + std::string(rule.section) + "] contradicts " + other + " = " +
             value_text(other_of(rule), config);
    case Need::YieldsTo:
    case Need::StandsInFor:
    case Need::Without:
      return "expected it only without " + other;
    case Need::SwitchedBy:
      return "expected it only with " + other + " = true";
    case Need::AtMost:
      return "expected at most " + other + ", which is " +
             format_duration(value_of<std::int64_t>(other_of(rule), config));
    case Need::Leads:
      return "expected " + other + " in it";
    case Need::With:
      return "expected a " + other + " with it";
    case Need::HostAlone:
      return address_fault(rule, config);
  }
  return {};
}

void check_section(const Rule& rule, Loading& loading) {
  const Entry* section = find_entry(loading.root, rule.section);
  if (section == nullptr) return;
  if (rule.need == Need::Leads) {
    const std::string name = "[" + std::string(rule.section) + "]";
    return loading.fault(loading.file, name + ": " + fault_text(rule, loading.config),
                         section->place);
  }
  const Entry* other = find_entry(loading.root, rule.other);
  if (other == nullptr) return;
  const Fault place{loading.file, other->place.line, other->place.column, {}};
  loading.fault(
      loading.file,
      fault_text(rule, loading.config) + " (" + place_text(place) + "): expected one of them",
      section->place);
}

// Where both are named, one fault is enough.
void check_setting(const Rule& rule, Loading& loading) {
  const Setting& setting = name_of(rule);
  if (const Entry* named = find_entry(loading.root, rule.section, rule.name)) {
    loading.fault(loading.file, full_name(setting) + ": " + fault_text(rule, loading.config),
                  named->value.place);
    return;
  }
  const Entry* other = find_entry(loading.root, rule.section, rule.other);
  if (rule.need == Need::AtMost && other != nullptr) {
    loading.fault(loading.file,
                  full_name(other_of(rule)) + ": expected at least " + std::string(rule.name) +
                      ", which is " +
                      format_duration(value_of<std::int64_t>(setting, loading.config)),
                  other->value.place);
  }
}

}  // namespace

std::span<const Rule> rules() { return kRules; }

std::optional<Substitute> substitute(const Rule& rule) {
  if (rule.need == Need::YieldsTo) return Substitute{&other_of(rule), &name_of(rule)};
  if (rule.need == Need::StandsInFor) return Substitute{&name_of(rule), &other_of(rule)};
  return std::nullopt;
}

bool holds(const Rule& rule, const Config& config) {
  switch (rule.need) {
    case Need::Where:
      return value_text(other_of(rule), config) == quoted(rule.word);
    case Need::YieldsTo:
    case Need::StandsInFor:
      return !has_value(name_of(rule), config) || !has_value(other_of(rule), config);
    case Need::AtMost:
      return value_of<std::int64_t>(name_of(rule), config) <=
             value_of<std::int64_t>(other_of(rule), config);
    case Need::With:
      return !has_value(name_of(rule), config) || is_said(other_of(rule), config);
    case Need::HostAlone:
      return address_fault(rule, config).empty();
    case Need::Leads:
      return has_value(other_of(rule), config) || !says_something(rule.section, config);
    case Need::SwitchedBy:
    case Need::Without:
      return !is_on(name_of(rule), config) ||
             is_on(other_of(rule), config) == (rule.need == Need::SwitchedBy);
  }
  return true;
}

void check_file(Loading& loading) {
  for (const Rule& rule : kRules) {
    if (is_of_the_whole(rule) || holds(rule, loading.config)) continue;
    if (rule.need == Need::Where) {
      check_section(rule, loading);
    } else {
      check_setting(rule, loading);
    }
  }
}

void check_whole(Loading& loading) {
  if (!loading.store_chosen && !loading.store_unknown) loading.fault(loading.file, kNoStore);
  for (const Rule& rule : kRules) {
    if (!is_of_the_whole(rule) || holds(rule, loading.config)) continue;
    if (rule.need == Need::Leads) {
      check_section(rule, loading);
      continue;
    }
    const std::string text = full_name(name_of(rule)) + ": " + fault_text(rule, loading.config);
    if (const Entry* named = find_entry(loading.root, rule.section, rule.name)) {
      loading.fault(loading.file, text, named->value.place);
    } else {
      loading.fault("--redis", text);
    }
  }
  check_tls_files(loading);
  check_shared_counters(loading.limits, loading.faults);
  check_parents(loading.limits, loading.faults);
  const bool in_cluster = !loading.config.fixed.cluster.addresses.empty();
  check_spread(loading.limits, in_cluster, loading.faults);
  if (in_cluster) check_slots(loading.limits, loading.faults);
}

}  // namespace rategate
