#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "daemon/config/settings/settings.hpp"
#include "daemon/limit/limit.hpp"
#include "daemon/limit/spread.hpp"

namespace rategate {
namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kDay = kMinute * 60 * 24;

// Fills a row; what a kind does not use stays empty.
struct Row : Setting {
  constexpr Row(std::string_view in, std::string_view called, Kind k, FieldPointer (*f)(Config&),
                std::string_view text)
      : Setting{in, called, k, f, {}, 0, 0, {}, {}, false, false, false, text} {}
  constexpr Row range(std::int64_t low, std::int64_t high, std::string_view of = {}) const {
    Row row = *this;
    row.min = low;
    row.max = high;
    row.unit = of;
    return row;
  }
  constexpr Row words(std::span<const std::string_view> texts) const {
    Row row = *this;
    row.choices = texts;
    return row;
  }
  constexpr Row otherwise(std::string_view text) const {
    Row row = *this;
    row.fallback = text;
    return row;
  }
  constexpr Row microseconds() const {
    Row row = *this;
    row.in_us = true;
    return row;
  }
  constexpr Row optional() const {
    Row row = *this;
    row.may_be_empty = true;
    return row;
  }
  constexpr Row live() const {
    Row row = *this;
    row.reloadable = true;
    return row;
  }
};

template <auto Member>
FieldPointer server(Config& config) {
  return &(config.fixed.server.*Member);
}
template <auto Member>
FieldPointer redis(Config& config) {
  return &(config.fixed.redis.*Member);
}
template <auto Member>
FieldPointer sentinel(Config& config) {
  return &(config.fixed.sentinel.*Member);
}
template <auto Member>
FieldPointer cluster(Config& config) {
  return &(config.fixed.cluster.*Member);
}
template <auto Member>
FieldPointer login(Config& config) {
  return &(config.live.login.*Member);
}
FieldPointer shm_enabled(Config& config) { return &config.fixed.shm.enabled; }
FieldPointer shm_slots(Config& config) { return &config.fixed.shm.slots; }
FieldPointer store(Config& config) { return &config.fixed.store; }
FieldPointer max_error(Config& config) { return &config.fixed.clock.max_error_us; }
FieldPointer max_drift(Config& config) { return &config.fixed.clock.max_drift_ppm; }
FieldPointer log_level(Config& config) { return &config.live.log_level; }
FieldPointer log_target(Config& config) { return &config.fixed.log.target; }
FieldPointer log_format(Config& config) { return &config.fixed.log.format; }

constexpr std::array kSettings{
    Row("", "store", Kind::Choice, store,
        "Where permits are counted: redis, for limits that all hosts share, or memory, for limits "
        "of this host alone. It must be chosen here, by a [redis] section, by REDIS_HOST, or by "
        "--redis or --memory.")
        .words(kTexts<StoreKind>)
        .otherwise("none"),

    Row("server", "socket", Kind::Socket, server<&ServerConfig::socket>,
        "The Unix socket that is listened on. Under socket activation systemd's takes its place."),
    Row("server", "socket_mode", Kind::FileMode, server<&ServerConfig::socket_mode>,
        "The socket's permissions, in octal. Who may write to it may ask."),
    Row("server", "socket_group", Kind::Account, server<&ServerConfig::socket_group>,
        "The socket's group, by name or number. Empty: the group the daemon runs as.")
        .optional(),
    Row("server", "tcp", Kind::Text, server<&ServerConfig::tcp>,
        "A TCP address and port that is listened on as well, for clients that know no Unix "
        "sockets. Whoever can reach it may ask: on this host every user. There is no shared memory "
        "over it.")
        .optional(),
    Row("server", "tcp_allow_remote", Kind::Switch, server<&ServerConfig::tcp_allow_remote>,
        "Whether tcp may be an address that other hosts reach. Nothing is encrypted, and nobody is "
        "asked for a password."),
    Row("server", "max_clients", Kind::Whole, server<&ServerConfig::max_clients>,
        "How many connections there may be at once. The limit of open files must allow for it: "
        "where it does not, there are fewer, and the log says how many.")
        .range(1, 1'000'000),
    Row("server", "idle_timeout", Kind::Duration, server<&ServerConfig::idle_timeout_ms>,
        "Close a connection that has sent nothing for so long. 0s: never.")
        .range(0, 30 * kDay),
    Row("server", "max_request", Kind::Whole, server<&ServerConfig::max_request>,
        "How long one request may be, with everything in it.")
        .range(1024, 1'048'576, "bytes"),
    Row("server", "max_pending", Kind::Whole, server<&ServerConfig::max_pending>,
        "How many checks of one connection may wait for the store at a time. Beyond that no more "
        "is read from it until answers have come.")
        .range(1, 1'000'000),
    Row("server", "max_wait", Kind::Duration, server<&ServerConfig::max_wait_ms>,
        "How long ACQUIRE may wait for permits, whatever its TIMEOUT says. The permits of a token "
        "bucket are booked for it as far ahead, and others are denied until then.")
        .range(1, 60 * kMinute),
    Row("server", "max_parked", Kind::Whole, server<&ServerConfig::max_parked>,
        "How many may wait in ACQUIRE at a time. Beyond that it is refused.")
        .range(1, 1'000'000),
    Row("server", "max_parked_per_key", Kind::Whole, server<&ServerConfig::max_parked_per_key>,
        "How many of those may wait for the same limit and key.")
        .range(1, 1'000'000),
    Row("server", "declared_limits", Kind::Switch, server<&ServerConfig::declared_limits>,
        "Whether a check may bring its own limit (CHECK name LIMIT n PERIOD p)."),
    Row("server", "max_declared", Kind::Whole, server<&ServerConfig::max_declared>,
        "How many limits that were declared in calls are kept at a time. Above that the one "
        "longest unused gives way.")
        .range(1, 1'000'000),
    Row("server", "shm_users", Kind::Accounts, server<&ServerConfig::shm_users>,
        "The users that may use shared memory, and give permits back (REFUND, SETTLE), by name or "
        "number, separated by commas. With this and shm_groups empty: everybody who may open the "
        "socket. Never over TCP.")
        .optional(),
    Row("server", "shm_groups", Kind::Accounts, server<&ServerConfig::shm_groups>,
        "The groups whose members may use shared memory, and give permits back (REFUND, SETTLE), "
        "by name or number, separated by commas.")
        .optional(),
    Row("server", "admin_users", Kind::Accounts, server<&ServerConfig::admin_users>,
        "The users that may clear limits and have the configuration loaded anew (CLEAR, RELOAD), "
        "by "
        "name or number, separated by commas; beside root and the user that the daemon runs as. "
        "Never over TCP.")
        .optional(),
    Row("server", "admin_groups", Kind::Accounts, server<&ServerConfig::admin_groups>,
        "The groups whose members may do the same, by name or number, separated by commas.")
        .optional(),

    Row("shm", "enabled", Kind::Switch, shm_enabled,
        "Whether checks may be decided in shared memory, by programs that use the library."),
    Row("shm", "slots", Kind::Whole, shm_slots,
        "How many pools there is room for, 64 bytes each, rounded up to a power of two. What finds "
        "no room is decided over the socket.")
        .range(16, 16'777'216),

    Row("redis", "host", Kind::Host, redis<&RedisConfig::host>,
        "Name or address of the Redis or Valkey server. REDIS_HOST overrides it."),
    Row("redis", "port", Kind::Whole, redis<&RedisConfig::port>,
        "Its TCP port. REDIS_PORT overrides it.")
        .range(1, 65535),
    Row("redis", "unix_socket", Kind::Socket, redis<&RedisConfig::unix_socket>,
        "Its Unix socket, in place of host and port.")
        .optional(),
    Row("redis", "replicas", Kind::Servers, redis<&RedisConfig::replicas>,
        "The servers of which one may be promoted in the place of the primary, by the addresses by "
        "which the primary's INFO shows them; the primary's own may be among them. What it grants "
        "is used only while all of them prove that they follow it. Not with [sentinel], which "
        "knows them. Empty: nothing is to be proved.")
        .range(0, RedisConfig::kMostReplicas),
    Row("redis", "min_replicas", Kind::Whole, redis<&RedisConfig::min_replicas>,
        "So many replicas have to acknowledge what is reserved before it is used, by WAIT: each "
        "reservation takes a round trip between the primary and its replicas longer. 0: none.")
        .range(0, RedisConfig::kMostReplicas),
    Row("redis", "share_hosts_min", Kind::Whole, redis<&RedisConfig::share_hosts_min>,
        "For share = \"auto\": so many hosts there are at least. 1: nothing is shared before their "
        "number is known.")
        .range(1, 1'000'000),
    Row("redis", "db", Kind::Whole, redis<&RedisConfig::db>,
        "The number of the database. REDIS_DB overrides it.")
        .range(0, 65535),
    Row("redis", "username", Kind::Text, login<&LoginConfig::username>,
        "The ACL user. Empty: the default user.")
        .optional()
        .live(),
    Row("redis", "password", Kind::Secret, login<&LoginConfig::password>,
        "The password. Empty: none. REDIS_PASSWORD overrides it, and so does systemd's credential "
        "redis-password.")
        .optional()
        .live(),
    Row("redis", "password_file", Kind::Path, login<&LoginConfig::password_file>,
        "A file that holds the password, in place of password. A line break at its end is not "
        "part of it. It is read for each connection, at a reload, and when the password was "
        "refused.")
        .optional()
        .live(),
    Row("redis", "password_command", Kind::Command, login<&LoginConfig::password_command>,
        "A program that tells the password, in place of password, with its arguments. It is run "
        "without a shell, as the user of the daemon, for 5 s at most. It writes one line, the "
        "password; a second one, expires-in and a number, says for how many seconds it is good.")
        .optional()
        .live(),
    Row("redis", "reauth", Kind::Duration, login<&LoginConfig::reauth_ms>,
        "How long a password of password_file or password_command is good that does not say so "
        "itself. When 70 to 80 % of that are over it is fetched anew, and the connection goes on "
        "with the new one. 0s: until it is refused.")
        .range(0, 30 * kDay)
        .live(),
    Row("redis", "tls", Kind::Switch, redis<&RedisConfig::tls>,
        "Whether TLS is spoken with the server, of version 1.2 at least. Its certificate has to be "
        "of an authority that is trusted, and for its name."),
    Row("redis", "tls_ca", Kind::Path, redis<&RedisConfig::tls_ca>,
        "The authorities that are trusted: a file of certificates in PEM, or a folder of them that "
        "openssl rehash has been run on. Empty: those that the system trusts.")
        .optional(),
    Row("redis", "tls_cert", Kind::Path, redis<&RedisConfig::tls_cert>,
        "A file with the daemon's own certificate in PEM, for a server that asks for one, and "
        "behind it those between it and the authority's.")
        .optional(),
    Row("redis", "tls_key", Kind::Path, redis<&RedisConfig::tls_key>,
        "A file with the private key of tls_cert in PEM, without a pass phrase.")
        .optional(),
    Row("redis", "tls_name", Kind::Host, redis<&RedisConfig::tls_name>,
        "The name or the address that the server's certificate has to be for. Empty: host, or the "
        "one that the sentinels or the nodes of the cluster name.")
        .optional(),
    Row("redis", "tls_insecure_no_verify", Kind::Switch,
        redis<&RedisConfig::tls_insecure_no_verify>,
        "Takes any certificate of any server: whoever is on the way to it can read the password "
        "and answer in its place. The log warns of it at each start."),
    Row("redis", "connect_timeout", Kind::Duration, redis<&RedisConfig::connect_timeout_ms>,
        "How long connecting may take, with the handshake of TLS.")
        .range(1, kMinute),
    Row("redis", "command_timeout", Kind::Duration, redis<&RedisConfig::command_timeout_ms>,
        "How long an answer may take. After that on_store_down decides.")
        .range(1, kMinute),
    Row("redis", "backoff_min", Kind::Duration, redis<&RedisConfig::backoff_min_ms>,
        "How long to wait before connecting again, at first. It doubles with each failure.")
        .range(1, kMinute),
    Row("redis", "backoff_max", Kind::Duration, redis<&RedisConfig::backoff_max_ms>,
        "How long to wait before connecting again, at most.")
        .range(1, 10 * kMinute),

    Row("sentinel", "addresses", Kind::Servers, sentinel<&SentinelConfig::addresses>,
        "The Redis Sentinels that know which server is the primary. All of them have to be named, "
        "as the primary is whom more than half of these name. Host, port and unix_socket of "
        "[redis] are not said then; the rest of [redis] is of the primary. Empty: there are none.")
        .range(0, SentinelConfig::kMost),
    Row("sentinel", "master", Kind::Text, sentinel<&SentinelConfig::master>,
        "The name by which the sentinels know the primary, of their line sentinel monitor.")
        .optional(),
    Row("sentinel", "username", Kind::Text, sentinel<&SentinelConfig::username>,
        "The ACL user on the sentinels. Empty: the default user.")
        .optional(),
    Row("sentinel", "password", Kind::Secret, sentinel<&SentinelConfig::password>,
        "The sentinels' own password. Empty: none; that of [redis] is never told to them.")
        .optional(),
    Row("sentinel", "password_file", Kind::Path, sentinel<&SentinelConfig::password_file>,
        "A file that holds the password, in place of password. A line break at its end is not "
        "part of it.")
        .optional(),
    Row("sentinel", "tls", Kind::Switch, sentinel<&SentinelConfig::tls>,
        "Whether TLS is spoken with the sentinels, as tls in [redis] says of the primary."),
    Row("sentinel", "tls_ca", Kind::Path, sentinel<&SentinelConfig::tls_ca>,
        "The authorities that are trusted: a file of certificates in PEM, or a folder of them that "
        "openssl rehash has been run on. Empty: those that the system trusts.")
        .optional(),
    Row("sentinel", "tls_cert", Kind::Path, sentinel<&SentinelConfig::tls_cert>,
        "A file with the daemon's own certificate in PEM, for sentinels that ask for one, and "
        "behind it those between it and the authority's.")
        .optional(),
    Row("sentinel", "tls_key", Kind::Path, sentinel<&SentinelConfig::tls_key>,
        "A file with the private key of tls_cert in PEM, without a pass phrase.")
        .optional(),
    Row("sentinel", "tls_name", Kind::Host, sentinel<&SentinelConfig::tls_name>,
        "The name or the address that the certificate of each has to be for. Empty: that of its "
        "address.")
        .optional(),
    Row("sentinel", "tls_insecure_no_verify", Kind::Switch,
        sentinel<&SentinelConfig::tls_insecure_no_verify>,
        "Takes any certificate of any sentinel: whoever is on the way to them can name another "
        "primary. The log warns of it at each start."),

    Row("cluster", "addresses", Kind::Servers, cluster<&ClusterConfig::addresses>,
        "Some nodes of the Redis Cluster that permits are counted in, which are asked for its map. "
        "Host, port, unix_socket, db and replicas of [redis] are not said then; the rest of "
        "[redis] is of all its nodes. Empty: it is no cluster.")
        .range(0, ClusterConfig::kMost),

    Row("clock", "max_error", Kind::Duration, max_error,
        "How far the measured offset to the store's clock may be off. Beyond that checks are "
        "refused.")
        .range(1, kSecond)
        .microseconds(),
    Row("clock", "max_drift", Kind::Whole, max_drift,
        "How far this host's clock and the store's may drift apart.")
        .range(1, 100'000, "ppm"),

    Row("log", "level", Kind::Choice, log_level, "What is logged: this level and those after it.")
        .words(kTexts<LogLevel>)
        .live(),
    Row("log", "target", Kind::Target, log_target,
        "Where to: stderr, journal (with named fields), or file: and an absolute path. SIGHUP "
        "opens the file anew. auto: the journal where systemd has led stderr to it, else stderr."),
    Row("log", "format", Kind::Choice, log_format,
        "How a line looks on stderr and in a file: text or json.")
        .words(kTexts<LogFormat>),

    Row(kLimitSection, "limit", Kind::Whole, nullptr,
        "How many permits there are in each period; or permits and period at once, as in "
        "\"100/second\"; or several of these in a list, all of which a check has to keep.")
        .range(1, kMaxPermits)
        .otherwise("none")
        .live(),
    Row(kLimitSection, "period", Kind::Period, nullptr,
        "The length of a window. Windows are aligned to multiples of it since 1970. Of a token "
        "bucket the time in which so many permits flow in. week, month and year are periods of the "
        "calendar, and so is day with a timezone; see docs/calendar.md.")
        .range(kMinPeriodMs, kMaxPeriodMs)
        .otherwise("none")
        .live(),
    Row(kLimitSection, "timezone", Kind::Text, nullptr,
        "With a period of a day, week, month or year, whose midnight it begins at: a zone of the "
        "tz database, such as Europe/Berlin.")
        .otherwise("\"UTC\"")
        .live(),
    Row(kLimitSection, "week_starts", Kind::Choice, nullptr,
        "With a period of a week, the day that it begins with.")
        .words(kTexts<Weekday>)
        .otherwise("\"monday\"")
        .live(),
    Row(kLimitSection, "redis_key", Kind::Text, nullptr,
        "The name of the counter: %n is the limit's name, %k the key, %p the period, %w the "
        "window's start in unix seconds (milliseconds where the period is not whole seconds), %% a "
        "percent sign. With algorithm = \"gcra\" there is no %w, and the default is "
        "\"rategate:{%n:%k}:gcra\"; with \"sliding-window\", which needs %p, "
        "\"rategate:{%n:%k}:%p:log\"; with \"concurrency\" \"rategate:{%n:%k}:holds\".")
        .otherwise("\"rategate:{%n:%k}:%p:%w\"")
        .live(),
    Row(kLimitSection, "key", Kind::Choice, nullptr,
        "What the keys are. text: any bytes, as they are. ip: IP addresses, counted by their "
        "networks and not in shared memory; another key is an error.")
        .words(kTexts<KeyKind>)
        .otherwise("\"text\"")
        .live(),
    Row(kLimitSection, "ipv4_prefix", Kind::Whole, nullptr,
        "With key = \"ip\", how many bits of an IPv4 address make its network. 32: each address "
        "is counted by itself.")
        .range(kMinIpv4Prefix, kMaxIpv4Prefix, "bits")
        .otherwise("32")
        .live(),
    Row(kLimitSection, "ipv6_prefix", Kind::Whole, nullptr,
        "With key = \"ip\", how many bits of an IPv6 address make its network. 64: what one "
        "customer has at least. ::ffff:192.0.2.1 is the IPv4 address 192.0.2.1.")
        .range(kMinIpv6Prefix, kMaxIpv6Prefix, "bits")
        .otherwise("64")
        .live(),
    Row(kLimitSection, "algorithm", Kind::Choice, nullptr,
        "How permits are counted. fixed-window: in each aligned window of a period at most limit. "
        "gcra: by a token bucket, in every interval of length d at most burst + limit * d / "
        "period. sliding-window: in every interval of one period at most limit. See "
        "docs/algorithms.md. concurrency: at most limit at the same time, which ENTER and LEAVE "
        "say; "
        "see docs/concurrency.md.")
        .words(kAlgorithmNames)
        .otherwise("\"fixed-window\"")
        .live(),
    Row(kLimitSection, "burst", Kind::Whole, nullptr,
        "With algorithm = \"gcra\", how many permits a full bucket holds. 0: as many as limit.")
        .range(0, kMaxPermits)
        .otherwise("0")
        .live(),
    Row(kLimitSection, "hold_ttl", Kind::Duration, nullptr,
        "With algorithm = \"concurrency\", how long what a host holds of the limit outlives its "
        "daemon, or its way to the store. It is renewed three times as often.")
        .range(kMinHoldTtlMs, kMaxHoldTtlMs)
        .otherwise("\"10s\"")
        .live(),
    Row(kLimitSection, "spread", Kind::Whole, nullptr,
        "In a Redis Cluster, over how many counters of each key the limit is spread, each in a "
        "slot of its own. For a limit that is too hot for one shard; see docs/redis-cluster.md.")
        .range(1, kMostSpread)
        .otherwise("1")
        .live(),
    Row(kLimitSection, "parent", Kind::Text, nullptr,
        "A limit that a check has to keep as well, with its own permits and period: one of all "
        "users, "
        "say, above one of each. A check takes of all, or of none; see docs/combined.md.")
        .otherwise("\"\"")
        .live(),
    Row(kLimitSection, "parent_key", Kind::Choice, nullptr,
        "By what key a check is counted in the parent. same: by its own. none: by none.")
        .words(kTexts<ParentKey>)
        .otherwise("\"same\"")
        .live(),
    Row(kLimitSection, "mode", Kind::Choice, nullptr,
        "How permits are reserved. auto: ahead of the checks where the limit is at least 16 "
        "permits (of a token bucket the burst, which takes 160 ms to fill at least; of a sliding "
        "window in 160 ms at least), else exact. "
        "lease: ahead of the checks. exact: just what is asked, when it is asked; not in shared "
        "memory.")
        .words(kTexts<Mode>)
        .otherwise("\"auto\"")
        .live(),
    Row(kLimitSection, "on_store_down", Kind::Choice, nullptr,
        "What a check gets while the store is away: deny, allow, error, or share, by which this "
        "host goes on with its part of the limit.")
        .words(kTexts<OnStoreDown>)
        .otherwise("\"deny\"")
        .live(),
    Row(kLimitSection, "share", Kind::Text, nullptr,
        "With on_store_down = \"share\", this host's part of the limit: \"1/8\", say, or auto, by "
        "the number of hosts that were seen in Redis lately.")
        .otherwise("\"auto\"")
        .live(),
    Row(kLimitSection, "on_store_lost", Kind::Choice, nullptr,
        "What becomes of a window whose counts the store has lost, as after a restart. deny: it is "
        "denied to its end. count: it is counted on from what all hosts know of it, 5 s later. "
        "The default for periods above a minute is count.")
        .words(kTexts<OnStoreLost>)
        .otherwise("\"deny\"")
        .live(),
    Row(kLimitSection, "settle", Kind::Choice, nullptr,
        "Where permits go that their taker gives back (REFUND, SETTLE). host: to this host, until "
        "what they were reserved for is over; where nothing is reserved ahead, to the store's "
        "counter of the window. store: to the store, for all hosts. off: nowhere; to ask for it is "
        "an error. See docs/settling.md.")
        .words(kTexts<Settle>)
        .otherwise("\"host\"")
        .live(),
    Row(kLimitSection, "settle_within", Kind::Duration, nullptr,
        "With settle = \"store\", how long after they were taken permits of a token bucket or a "
        "sliding window may be given back.")
        .range(1000, kMostSettleWithinMs)
        .otherwise("\"10min\"")
        .live(),
    Row(kLimitSection, "shadow", Kind::Switch, nullptr,
        "Whether the limit is only tried: where it would deny it allows, and CHECKX says so. What "
        "it allows is counted like that of any other, and nothing beyond the limit.")
        .otherwise("false")
        .live(),
    Row(kLimitSection, "near", Kind::Fraction, nullptr,
        "How much of the limit is used up where a check comes near it: told by CHECKX, and counted "
        "in INFO and LIMITS. Of a token bucket that much of the burst.")
        .range(1000, kWholePpm)
        .otherwise("0.8")
        .live(),
    Row(kLimitSection, "block_for", Kind::Duration, nullptr,
        "For how long a key is blocked on all hosts once it was denied for lack of permits; 1s to "
        "31d, and 0s: not at all. Nothing of such a limit is granted in shared memory, where its "
        "denials are; see docs/blocking.md.")
        .range(0, kMaxBlockMs)
        .otherwise("\"0s\"")
        .live(),
    Row(kLimitSection, "keys", Kind::KeyRules, nullptr,
        "Rules for some keys, such as \"alice\" = \"1000/s\", \"bot-*\" = \"blocked\" or "
        "\"10.*\" = \"unlimited\". What names the key comes first, then the patterns in the order "
        "of "
        "the file, in which * stands for any bytes.")
        .otherwise("none")
        .live(),
};

// A span of the rows as what they are for others.
constexpr auto kTable = [] {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Setting, sizeof...(I)>{static_cast<const Setting&>(kSettings[I])...};
  }(std::make_index_sequence<kSettings.size()>());
}();

}  // namespace

std::span<const Setting> settings() { return kTable; }

const Setting* find_setting(std::string_view section, std::string_view name) {
  const auto found = std::find_if(kTable.begin(), kTable.end(), [&](const Setting& setting) {
    return setting.section == section && setting.name == name;
  });
  return found == kTable.end() ? nullptr : &*found;
}

std::string full_name(const Setting& setting) {
  std::string name(setting.name);
  if (!setting.section.empty()) name += " in [" + std::string(setting.section) + "]";
  return name;
}

}  // namespace rategate
