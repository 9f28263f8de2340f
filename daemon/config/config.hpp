// The configuration: what the daemon is told, with defaults.
//
// What is fixed at start and what a reload may change are two types, so that a reload cannot touch
// the former.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/host_port.hpp"
#include "daemon/base/words.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {

enum class StoreKind : std::uint8_t { Redis, Memory };
enum class LogLevel : std::uint8_t { Debug, Info, Warning, Error };
enum class LogFormat : std::uint8_t { Text, Json };

template <>
inline constexpr std::array kWords<StoreKind>{
    Word{StoreKind::Redis, "redis"},
    Word{StoreKind::Memory, "memory"},
};
template <>
inline constexpr std::array kWords<LogLevel>{
    Word{LogLevel::Debug, "debug"},
    Word{LogLevel::Info, "info"},
    Word{LogLevel::Warning, "warning"},
    Word{LogLevel::Error, "error"},
};
template <>
inline constexpr std::array kWords<LogFormat>{
    Word{LogFormat::Text, "text"},
    Word{LogFormat::Json, "json"},
};
// Where the log may go, beside a file.
inline constexpr std::array<std::string_view, 3> kLogTargets{"auto", "stderr", "journal"};
inline constexpr std::string_view kLogFile = "file:";

// The initial values below are the defaults. Ranges, units and help stand in
// settings/table.cpp.
struct ServerConfig {
  std::string socket = "/run/rategate/rategate.sock";
  std::uint32_t socket_mode = 0660;
  std::string socket_group;  // empty: the group the daemon runs as
  std::string tcp;           // "127.0.0.1:6380"; empty: none
  bool tcp_allow_remote = false;
  std::int64_t max_clients = 10000;
  std::int64_t idle_timeout_ms = 0;   // 0: never
  std::int64_t max_request = 8192;    // bytes
  std::int64_t max_pending = 1000;    // checks of one connection that may wait for the store
  std::int64_t max_wait_ms = 60'000;  // of ACQUIRE
  std::int64_t max_parked = 10'000;   // those in ACQUIRE
  std::int64_t max_parked_per_key = 1'000;
  bool declared_limits = true;
  std::int64_t max_declared = 1000;
  std::string shm_users;  // names or numbers, separated by commas; both empty: who may connect
  std::string shm_groups;
  std::string admin_users;  // the same; beside root and the user that the daemon runs as
  std::string admin_groups;
  bool operator==(const ServerConfig&) const = default;
};

// With what somebody logs in.
struct PasswordConfig {
  std::string username;       // empty: AUTH with the password alone
  std::string password;       // empty: no AUTH
  std::string password_file;  // where the password was read from; empty: from no file
  bool operator==(const PasswordConfig&) const = default;
};

struct TlsConfig {
  bool tls = false;
  std::string tls_ca;    // a file or a folder; empty: what the system trusts
  std::string tls_cert;  // empty: none; never without tls_key
  std::string tls_key;
  std::string tls_name;  // whom the server's certificate is for; empty: the host it is reached by
  bool tls_insecure_no_verify = false;
  bool operator==(const TlsConfig&) const = default;
};

struct RedisConfig : TlsConfig {
  static constexpr std::int64_t kMostReplicas = 16;
  std::string host = "127.0.0.1";
  std::int64_t port = 6379;
  std::string unix_socket;  // not empty: instead of host and port
  std::int64_t db = 0;
  std::vector<HostPort> replicas;    // that may be promoted in its place; empty: not known
  std::int64_t min_replicas = 0;     // that have to acknowledge before permits are used
  std::int64_t share_hosts_min = 1;  // so many hosts there are at least
  std::int64_t connect_timeout_ms = 1000;
  std::int64_t command_timeout_ms = 250;
  std::int64_t backoff_min_ms = 50;
  std::int64_t backoff_max_ms = 2000;
  bool operator==(const RedisConfig&) const = default;
};

// The sentinels that are asked who the primary is; the rest of how that is spoken with is
// RedisConfig.
struct SentinelConfig : PasswordConfig, TlsConfig {
  static constexpr std::size_t kMost = 16;
  std::vector<HostPort> addresses;  // empty: there are none, and the server is RedisConfig's
  std::string master;               // by which they know the primary; not empty with addresses
  bool operator==(const SentinelConfig&) const = default;
};

// Nodes of a Redis Cluster that are asked for its map first; the rest of how all of its nodes are
// spoken with is RedisConfig.
struct ClusterConfig {
  static constexpr std::size_t kMost = 16;
  std::vector<HostPort> addresses;  // empty: it is no cluster
  bool operator==(const ClusterConfig&) const = default;
};

struct ShmConfig {
  bool enabled = true;
  std::int64_t slots = 65'536;  // rounded up to a power of two
  bool operator==(const ShmConfig&) const = default;
};

struct ClockConfig {
  std::int64_t max_error_us = 100'000;
  std::int64_t max_drift_ppm = 1000;
  bool operator==(const ClockConfig&) const = default;
};

struct LogConfig {
  std::string target = "auto";  // "auto", "stderr", "journal", or "file:" and an absolute path
  LogFormat format = LogFormat::Text;
  bool operator==(const LogConfig&) const = default;
};

// Fixed at start.
struct FixedConfig {
  StoreKind store = StoreKind::Redis;
  ServerConfig server;
  ShmConfig shm;
  RedisConfig redis;
  SentinelConfig sentinel;
  ClusterConfig cluster;
  ClockConfig clock;
  LogConfig log;
};

// Who logs in at the Redis, and with what. Not more than one of the three says the password; where
// a command tells it, it is empty.
struct LoginConfig : PasswordConfig {
  std::vector<std::string> password_command;  // a program and its arguments; empty: none
  std::int64_t reauth_ms = 0;  // how long one is good that does not say so; 0: until it is refused
  bool operator==(const LoginConfig&) const = default;
};

// What a reload changes.
struct LiveConfig {
  LogLevel log_level = LogLevel::Info;
  LoginConfig login;
  std::vector<Limit> limits;  // sorted by name, no name twice
};

struct Config {
  FixedConfig fixed;
  LiveConfig live;
};

}  // namespace rategate
