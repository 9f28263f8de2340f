#include "daemon/config/address.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cstdint>

namespace rategate {
namespace {

TcpAddress filled(const sockaddr_storage& storage) {
  TcpAddress address{};
  if (storage.ss_family == AF_INET) {
    address.v4 = *reinterpret_cast<const sockaddr_in*>(&storage);
    address.size = sizeof address.v4;
    address.loopback = ntohl(address.v4.sin_addr.s_addr) >> 24 == 127;
  } else if (storage.ss_family == AF_INET6) {
    address.v6 = *reinterpret_cast<const sockaddr_in6*>(&storage);
    address.size = sizeof address.v6;
    address.loopback = IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
  }
  return address;
}

}  // namespace

Result<TcpAddress> parse_tcp_address(std::string_view text) {
  const Error wrong{R"(expected an address and a port such as "127.0.0.1:6380" or "[::1]:6380")"};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong;
  const std::string_view number = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), port);
  if (failure != std::errc() || number.empty() || end != number.data() + number.size())
    return wrong;

  std::string host(text.substr(0, colon));
  sockaddr_storage storage{};
  if (host.front() == '[' && host.back() == ']') {
    auto& v6 = *reinterpret_cast<sockaddr_in6*>(&storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) != 1)
      return wrong;
  } else {
    auto& v4 = *reinterpret_cast<sockaddr_in*>(&storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return wrong;
  }
  return filled(storage);
}

std::string to_text(const TcpAddress& address) {
  char host[INET6_ADDRSTRLEN] = "";
  if (address.size == 0) return {};
  if (address.any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof host);
    return "[" + std::string(host) + "]:" + std::to_string(ntohs(address.v6.sin6_port));
  }
  inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof host);
  return std::string(host) + ":" + std::to_string(ntohs(address.v4.sin_port));
}

TcpAddress local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) storage = {};
  return filled(storage);
}

TcpAddress peer_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) storage = {};
  return filled(storage);
}

}  // namespace rategate
