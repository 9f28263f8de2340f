// Where a server listens, as a name or an address and a port: of the configuration, and of what
// other servers tell. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/result.hpp"

namespace rategate {

struct HostPort {
  std::string host;       // without brackets
  std::int64_t port = 0;  // 1 to 65535
  auto operator<=>(const HostPort&) const = default;
};

// "redis.test:6379", "10.0.0.1:6379", "[::1]:6379".
std::string to_text(const HostPort& server);

// The same text again. Where `port` is given it is what a text without a port means; else that is
// an error. Error: what was expected.
Result<HostPort> parse_host_port(std::string_view text, std::optional<std::int64_t> port = {});

// Of two words apart, as a server tells of another one. Error: what was expected.
Result<HostPort> to_host_port(std::string_view host, std::string_view port);

// Whether it may be the name or the address of a host: 1 to 253 bytes, letters, digits and what
// else such have in them; an IPv6 address has no brackets.
bool is_host(std::string_view text);

}  // namespace rategate
