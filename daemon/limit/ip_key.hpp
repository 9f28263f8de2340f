// Keys that are IP addresses. An address is counted by the network that it belongs to, because one
// customer has as many IPv6 addresses to choose from as he likes, and all of them in one network.
// Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rategate {

// From the largest blocks that IANA gives out, which no client can have more than, to one address.
inline constexpr std::int64_t kMinIpv4Prefix = 8;
inline constexpr std::int64_t kMaxIpv4Prefix = 32;
inline constexpr std::int64_t kMinIpv6Prefix = 12;
inline constexpr std::int64_t kMaxIpv6Prefix = 128;

// How many bits of an address make the network that is counted.
struct IpPrefixes {
  std::int64_t ipv4 = kMaxIpv4Prefix;
  std::int64_t ipv6 = 64;  // what one customer has at least
  bool operator==(const IpPrefixes&) const = default;
};

// Room for the longest: eight groups of four digits, and the prefix.
using IpText = std::array<char, 44>;

// The network that `address` belongs to, written into `room`: "192.0.2.1", "2001:db8::/64". Each
// network has one text, by RFC 5952, with its prefix behind it where that is not a whole address.
// An IPv4 address that is mapped into IPv6, ::ffff:192.0.2.1, is the IPv4 address. Nothing: it is
// no address as inet_pton() takes one, alone, without a port, brackets, a prefix or a zone, which
// would name an interface of one host where all hosts count.
std::optional<std::string_view> ip_key(std::string_view address, const IpPrefixes& prefixes,
                                       IpText& room);

}  // namespace rategate
