#include "daemon/base/host_port.hpp"

#include <algorithm>
#include <cstddef>

#include "daemon/base/duration.hpp"

namespace rategate {
namespace {

constexpr std::size_t kMaxHost = 253;  // a name of DNS
constexpr std::int64_t kMaxPort = 65535;

const Error kWrong{
    R"(expected a host and a port such as "sentinel.example:26379" or "[::1]:26379")"};

}  // namespace

std::string to_text(const HostPort& server) {
  const bool v6 = server.host.find(':') != std::string::npos;
  return (v6 ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
}

// An IPv6 address has two colons at least, and may end with the interface that it is of.
bool is_host(std::string_view text) {
  const bool v6 = std::count(text.begin(), text.end(), ':') > 1;
  const std::string_view others = v6 ? "-._:%" : "-._";
  return !text.empty() && text.size() <= kMaxHost &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                  others.find(c) != std::string_view::npos;
         });
}

Result<HostPort> to_host_port(std::string_view host, std::string_view port) {
  const auto number = parse_whole(port, 1, kMaxPort);
  if (!number || !is_host(host)) return kWrong;
  return HostPort{std::string(host), *number};
}

Result<HostPort> parse_host_port(std::string_view text, std::optional<std::int64_t> port) {
  const std::string fallback = port ? std::to_string(*port) : std::string();
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return kWrong;
    const std::string_view rest = text.substr(bracket + 1);
    if (!rest.empty() && rest[0] != ':') return kWrong;
    return to_host_port(text.substr(1, bracket - 1), rest.empty() ? fallback : rest.substr(1));
  }
  const std::size_t colon = text.find(':');
  // Without brackets the last part of an IPv6 address would be taken for the port.
  if (colon != text.rfind(':')) return kWrong;
  if (colon == std::string_view::npos) return to_host_port(text, fallback);
  return to_host_port(text.substr(0, colon), text.substr(colon + 1));
}

}  // namespace rategate
