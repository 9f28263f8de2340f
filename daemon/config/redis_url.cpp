#include "daemon/config/redis_url.hpp"

#include <algorithm>
#include <utility>

#include "daemon/base/duration.hpp"
#include "daemon/base/nearest.hpp"
#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

constexpr const char* kExpected =
    "expected redis[s]://[user:password@]host[:port][/db], "
    "redis[s]+sentinel://[user:password@]host[:port],.../master[/db], "
    "redis[s]+cluster://[user:password@]host[:port],... or unix:///path[?db=n]";
constexpr std::string_view kTcp = "redis://";
constexpr std::string_view kTls = "rediss://";
constexpr std::string_view kSentinel = "redis+sentinel://";
constexpr std::string_view kTlsSentinel = "rediss+sentinel://";
constexpr std::string_view kCluster = "redis+cluster://";
constexpr std::string_view kTlsCluster = "rediss+cluster://";
constexpr std::int64_t kSentinelPort = 26379;
constexpr std::int64_t kPort = 6379;
constexpr std::string_view kUnix = "unix://";

Error expected(std::string_view what) {
  std::string text = kExpected;
  text += ", but ";
  text += what;
  return Error{std::move(text)};
}

// -1: it is none.
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

Result<std::int64_t> number_of(const char* setting, std::string_view text) {
  const Setting& row = *find_setting("redis", setting);
  return parse_whole(text, row.min, row.max);
}

Result<RedisUrl> parse_unix(std::string_view rest) {
  RedisUrl url;
  const std::size_t question = rest.find('?');
  url.unix_socket = rest.substr(0, question);
  Config scratch;
  if (assign_text(*find_setting("redis", "unix_socket"), url.unix_socket, scratch) ||
      !url.unix_socket.starts_with('/')) {
    return expected("the path is none");
  }
  if (question != std::string_view::npos) {
    const std::string_view query = rest.substr(question + 1);
    if (!query.starts_with("db=")) return expected("after the path is something else");
    const auto db = number_of("db", query.substr(3));
    if (!db) return expected("the db is none");
    url.db = *db;
  }
  return url;
}

// Takes what stands before the last `@` out of `rest`.
std::optional<Error> take_login(std::string_view& rest, RedisUrl& url) {
  const std::size_t at = rest.rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view user = rest.substr(0, at);
  const std::size_t colon = user.find(':');
  if (colon == std::string_view::npos) return expected("there is a user without a password");
  url.username = decode(user.substr(0, colon));
  url.password = decode(user.substr(colon + 1));
  if (!url.username || !url.password) return expected("a percent sign has no two hex digits");
  rest.remove_prefix(at + 1);
  return std::nullopt;
}

// Takes what stands behind the first `/` out of `rest`.
std::optional<Error> take_db(std::string_view& rest, RedisUrl& url) {
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  if (slash + 1 < rest.size()) {
    const auto db = number_of("db", rest.substr(slash + 1));
    if (!db) return expected("the db is none");
    url.db = *db;
  }
  rest = rest.substr(0, slash);
  return std::nullopt;
}

// `port`: of those that say none; `what`: what each of them is, for a person.
std::optional<Error> take_servers(std::string_view list, std::int64_t port, const std::string& what,
                                  std::vector<HostPort>& servers) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    auto server = parse_host_port(list.substr(0, comma), port);
    if (!server) return expected("a " + what + " is no host with a port");
    servers.push_back(std::move(*server));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  static_assert(SentinelConfig::kMost == 16 && ClusterConfig::kMost == 16);
  if (servers.empty() || servers.size() > SentinelConfig::kMost) {
    return expected("there are not 1 to 16 " + what + "s");
  }
  return std::nullopt;
}

Result<RedisUrl> parse_cluster(std::string_view rest, bool tls) {
  RedisUrl url;
  url.tls = tls;
  if (auto error = take_login(rest, url)) return *error;
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (auto error = take_servers(rest, kPort, "node", url.nodes)) return *error;
  return url;
}

Result<RedisUrl> parse_sentinels(std::string_view rest, bool tls) {
  RedisUrl url;
  url.tls = tls;
  if (auto error = take_login(rest, url)) return *error;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view path = rest.substr(std::min(slash + 1, rest.size()));
  if (auto error = take_db(path, url)) return *error;
  url.master = path;
  Config scratch;
  if (url.master.empty() || assign_text(*find_setting("sentinel", "master"), url.master, scratch)) {
    return expected("the master has no name");
  }
  if (auto error = take_servers(rest.substr(0, slash), kSentinelPort, "sentinel", url.sentinels)) {
    return *error;
  }
  return url;
}

Result<RedisUrl> parse_tcp(std::string_view rest, bool tls) {
  RedisUrl url;
  url.tls = tls;
  if (auto error = take_login(rest, url)) return *error;
  if (auto error = take_db(rest, url)) return *error;
  std::size_t colon = rest.find(':');
  if (rest.starts_with('[')) {
    const std::size_t bracket = rest.find(']');
    if (bracket == std::string_view::npos) return expected("a bracket is not closed");
    url.host = rest.substr(1, bracket - 1);
    rest.remove_prefix(bracket + 1);
    if (!rest.empty() && rest[0] != ':') return expected("after the bracket is something else");
    colon = rest.empty() ? std::string_view::npos : 0;
  } else {
    url.host = rest.substr(0, colon);
  }
  if (colon != std::string_view::npos) {
    const auto port = number_of("port", rest.substr(colon + 1));
    if (!port) return expected("the port is no number from 1 to 65535");
    url.port = *port;
  }
  Config scratch;
  if (assign_text(*find_setting("redis", "host"), url.host, scratch)) {
    return expected("the host is no name and no address");
  }
  return url;
}

}  // namespace

Result<RedisUrl> parse_redis_url(std::string_view text) {
  if (text.starts_with(kTcp)) return parse_tcp(text.substr(kTcp.size()), false);
  if (text.starts_with(kTls)) return parse_tcp(text.substr(kTls.size()), true);
  if (text.starts_with(kSentinel)) return parse_sentinels(text.substr(kSentinel.size()), false);
  if (text.starts_with(kTlsSentinel)) {
    return parse_sentinels(text.substr(kTlsSentinel.size()), true);
  }
  if (text.starts_with(kCluster)) return parse_cluster(text.substr(kCluster.size()), false);
  if (text.starts_with(kTlsCluster)) return parse_cluster(text.substr(kTlsCluster.size()), true);
  if (text.starts_with(kUnix)) return parse_unix(text.substr(kUnix.size()));
  return Error{kExpected};
}

}  // namespace rategate
