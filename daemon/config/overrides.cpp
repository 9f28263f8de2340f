#include "daemon/config/overrides.hpp"

#include <optional>
#include <string>
#include <utility>

#include "daemon/config/password_file.hpp"
#include "daemon/config/redis_url.hpp"
#include "daemon/config/settings/settings.hpp"
#include "daemon/os/files.hpp"

namespace rategate {
namespace {

constexpr const char* kCredential = "redis-password";

std::optional<std::string> variable(const Sources& sources, const char* name) {
  if (!sources.environment) return std::nullopt;
  auto value = sources.environment(name);
  return value && !value->empty() ? value : std::nullopt;
}

// A password that is said takes the place of one that a file or a command tells.
void set_password(std::string password, LoginConfig& login) {
  login.password = std::move(password);
  login.password_file.clear();
  login.password_command.clear();
}

void apply(const char* source, std::string_view section, std::string_view name,
           const std::string& text, Loading& loading) {
  if (const auto error = assign_text(*find_setting(section, name), text, loading.config)) {
    loading.fault(source, error->text);
  }
}

// What Kubernetes sets in each pod beside a Service named redis, and what older container engines
// do for a link of that name: REDIS_PORT=tcp://10.0.0.1:6379. Nobody who meets that expects it.
void apply_port(const std::string& text, Loading& loading) {
  const std::size_t first = loading.faults.size();
  apply("REDIS_PORT", "redis", "port", text, loading);
  if (loading.faults.size() == first || !text.starts_with("tcp://")) return;
  loading.faults.back().text +=
      ", but it is \"" + text +
      "\", as Kubernetes sets it in each pod beside a Service named redis: say "
      "enableServiceLinks: false in the pod's spec, or set REDIS_PORT there, or use --redis";
}

// Where Redis is. A variable that says nothing here, because memory, a Unix socket, sentinels or a
// cluster are used, is for others.
void load_where(const Sources& sources, Loading& loading) {
  FixedConfig& fixed = loading.config.fixed;
  if (const auto host = variable(sources, "REDIS_HOST")) {
    apply("REDIS_HOST", "redis", "host", *host, loading);
    fixed.store = StoreKind::Redis;
    loading.store_chosen = true;
    fixed.redis.unix_socket.clear();
    fixed.sentinel = {};
    fixed.cluster = {};
  }
  if (fixed.store == StoreKind::Memory) return;
  const bool by_port = fixed.redis.unix_socket.empty() && fixed.sentinel.addresses.empty() &&
                       fixed.cluster.addresses.empty();
  if (const auto port = variable(sources, "REDIS_PORT"); port && by_port) {
    apply_port(*port, loading);
  }
  if (!fixed.cluster.addresses.empty()) return;
  if (const auto db = variable(sources, "REDIS_DB")) apply("REDIS_DB", "redis", "db", *db, loading);
}

// What this host says of where a password is to come from.
void source_fault(std::string_view section, const char* setting, const std::string& wrong,
                  Loading& loading) {
  const Entry* named = find_entry(loading.root, section, setting);
  loading.fault(loading.file, full_name(*find_setting(section, setting)) + ": " + wrong,
                named == nullptr ? Place{} : named->value.place);
}

void load_password_file(std::string_view section, PasswordConfig& login, Loading& loading) {
  if (login.password_file.empty()) return;
  auto password = read_password_file(login.password_file);
  if (!password) return source_fault(section, "password_file", password.error(), loading);
  login.password = std::move(*password);
}

// It is not run: that is for whoever connects.
void check_password_command(Loading& loading) {
  const LoginConfig& login = loading.config.live.login;
  if (login.password_command.empty()) return;
  const std::string& program = login.password_command[0];
  const std::string wrong = not_executable(program);
  if (!wrong.empty()) source_fault("redis", "password_command", program + " " + wrong, loading);
}

// Whether there was one, right or wrong.
bool load_credential(const Sources& sources, Loading& loading) {
  if (sources.credentials_directory.empty()) return false;
  const std::string path = sources.credentials_directory + "/" + kCredential;
  const auto file = read_file(path, kMostPassword);
  if (!file) {
    loading.fault(path, file.error());
  } else if (file->exists) {
    set_password(without_line_break(file->text), loading.config.live.login);
  }
  return !file || file->exists;
}

// The variable beats the credential, and that the file and the command; what is beaten is not
// looked at.
void load_password(const Sources& sources, Loading& loading) {
  if (const auto password = variable(sources, "REDIS_PASSWORD")) {
    apply("REDIS_PASSWORD", "redis", "password", *password, loading);
    set_password(loading.config.live.login.password, loading.config.live.login);
  } else if (!load_credential(sources, loading)) {
    load_password_file("redis", loading.config.live.login, loading);
    check_password_command(loading);
  }
}

// Whether TLS is spoken is a part of where. What only TLS needs is not looked at without it.
void set_tls(bool on, TlsConfig& tls) {
  if (!on) tls = {};
  tls.tls = on;
}

// Who logs in with them stays what the file says: user and password of the URL are the primary's.
void set_sentinels(const RedisUrl& url, SentinelConfig& sentinel) {
  if (url.sentinels.empty()) {
    sentinel = {};
    return;
  }
  sentinel.addresses = url.sentinels;
  sentinel.master = url.master;
  set_tls(url.tls, sentinel);
}

// The URL says all of where; who and with which password only if it names them, so that a
// password need not stand where every process can read it.
void apply_redis_url(const Result<RedisUrl>& url, Loading& loading) {
  loading.store_chosen = true;
  if (!url) return loading.fault("--redis", url.error());
  loading.config.fixed.store = StoreKind::Redis;
  RedisConfig& redis = loading.config.fixed.redis;
  set_sentinels(*url, loading.config.fixed.sentinel);
  loading.config.fixed.cluster.addresses = url->nodes;
  if (!url->host.empty()) redis.host = url->host;
  redis.port = url->port;
  redis.unix_socket = url->unix_socket;
  redis.db = url->db;
  set_tls(url->tls, redis);
  LoginConfig& login = loading.config.live.login;
  if (const auto& username = url->username) login.username = *username;
  if (const auto& password = url->password) set_password(*password, login);
}

// `url`: what --redis says, if it is given.
void load_command_line(const Overrides& given, const std::optional<Result<RedisUrl>>& url,
                       Loading& loading) {
  if (given.memory && given.redis) {
    loading.fault("--memory", "contradicts --redis: expected one of them");
  }
  if (given.memory) {
    loading.config.fixed.store = StoreKind::Memory;
    loading.store_chosen = true;
  }
  if (url) apply_redis_url(*url, loading);
  if (given.socket) apply("--socket", "server", "socket", *given.socket, loading);
  if (given.log_level) apply("--log-level", "log", "level", *given.log_level, loading);
  for (const std::string& limit : given.limits) {
    if (const auto error = add_limit_option(limit, loading.limits)) {
      loading.fault("--limit " + limit, error->text);
    }
  }
}

}  // namespace

void apply_overrides(const Sources& sources, Loading& loading) {
  // What the command line says is not judged by what it overrides.
  const Overrides& given = sources.command_line;
  std::optional<Result<RedisUrl>> url;
  if (given.redis) url = parse_redis_url(*given.redis);
  if (!given.memory) {
    if (!url) load_where(sources, loading);
    const bool brings_password = url && *url && (*url)->password;
    if (!brings_password) load_password(sources, loading);
  }
  load_command_line(given, url, loading);
  FixedConfig& fixed = loading.config.fixed;
  if (fixed.store == StoreKind::Redis && !fixed.sentinel.addresses.empty()) {
    load_password_file("sentinel", fixed.sentinel, loading);
  }
}

}  // namespace rategate
