#include "daemon/limit/ip_key.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <span>

namespace rategate {
namespace {

constexpr std::size_t kGroups = 8;
using Ipv6 = std::array<std::uint8_t, 2 * kGroups>;
using Groups = std::array<std::uint16_t, kGroups>;
constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void mask(std::span<std::uint8_t> bytes, std::int64_t prefix) {
  for (std::uint8_t& byte : bytes) {
    const std::int64_t kept = std::clamp<std::int64_t>(prefix, 0, 8);
    byte = static_cast<std::uint8_t>(byte & 0xff00U >> kept);
    prefix -= kept;
  }
}

char* put(char* to, std::int64_t number, int base) {
  return std::to_chars(to, to + 4, number, base).ptr;  // no number here has more digits
}

// Zeros that are left out: groups from `first` up to `end`.
struct Zeros {
  std::size_t first = kGroups;
  std::size_t end = kGroups;
};

// The longest row of two at least, and of two such the first.
Zeros zeros_of(const Groups& groups) {
  Zeros longest;
  for (std::size_t at = 0; at < kGroups; ++at) {
    std::size_t end = at;
    while (end < kGroups && groups[end] == 0) ++end;
    if (end - at >= 2 && end - at > longest.end - longest.first) longest = {at, end};
    at = end;  // what stands there is no zero
  }
  return longest;
}

char* put_ipv6(char* to, const Ipv6& address) {
  Groups groups;
  for (std::size_t i = 0; i < kGroups; ++i) {
    groups[i] = static_cast<std::uint16_t>(address[2 * i] << 8U | address[2 * i + 1]);
  }
  const Zeros zeros = zeros_of(groups);
  for (std::size_t i = 0; i < kGroups; ++i) {
    if (i == zeros.first) {
      *to++ = ':';
      *to++ = ':';
      i = zeros.end;
      if (i == kGroups) break;
    } else if (i > 0) {
      *to++ = ':';
    }
    to = put(to, groups[i], 16);
  }
  return to;
}

char* put_ipv4(char* to, std::span<const std::uint8_t, 4> address) {
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (i > 0) *to++ = '.';
    to = put(to, address[i], 10);
  }
  return to;
}

std::string_view with_prefix(const IpText& room, char* end, std::int64_t prefix,
                             std::int64_t whole) {
  if (prefix < whole) {
    *end++ = '/';
    end = put(end, prefix, 10);
  }
  return {room.data(), static_cast<std::size_t>(end - room.data())};
}

std::string_view ipv4_key(std::span<std::uint8_t, 4> address, std::int64_t prefix, IpText& room) {
  mask(address, prefix);
  return with_prefix(room, put_ipv4(room.data(), address), prefix, kMaxIpv4Prefix);
}

}  // namespace

std::optional<std::string_view> ip_key(std::string_view address, const IpPrefixes& prefixes,
                                       IpText& room) {
  // inet_pton() wants a NUL at the end, and would take one before it for the end.
  std::array<char, INET6_ADDRSTRLEN> text;
  if (address.size() >= text.size() || address.find('\0') != std::string_view::npos) return {};
  text[address.copy(text.data(), address.size())] = '\0';

  Ipv6 bytes;
  const std::span<std::uint8_t> all(bytes);
  if (inet_pton(AF_INET, text.data(), bytes.data()) == 1) {
    return ipv4_key(all.first<4>(), prefixes.ipv4, room);
  }
  if (inet_pton(AF_INET6, text.data(), bytes.data()) != 1) return {};
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    return ipv4_key(all.last<4>(), prefixes.ipv4, room);
  }
  mask(bytes, prefixes.ipv6);
  return with_prefix(room, put_ipv6(room.data(), bytes), prefixes.ipv6, kMaxIpv6Prefix);
}

}  // namespace rategate
