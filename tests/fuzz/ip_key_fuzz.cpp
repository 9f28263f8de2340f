// Keys that are IP addresses. Two bytes say the prefixes; the rest is what is given as a key.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/limit/ip_key.hpp"
#include "tests/fuzz/require.hpp"

namespace rategate::fuzz {
namespace {

std::int64_t within(std::uint8_t byte, std::int64_t least, std::int64_t most) {
  return least + byte % (most - least + 1);
}

void check_key(std::string_view given, const IpPrefixes& prefixes) {
  IpText room;
  const auto network = ip_key(given, prefixes, room);
  IpText other_room;
  const auto host = ip_key(given, {kMaxIpv4Prefix, kMaxIpv6Prefix}, other_room);
  require(network.has_value() == host.has_value(), "no prefix makes an address of what is none");
  if (!network || !host) return;
  require(is_printable(*network) && !network->empty(), "a network is printable");
  IpText again_room;
  const auto again = ip_key(*host, {kMaxIpv4Prefix, kMaxIpv6Prefix}, again_room);
  require(again && *again == *host, "an address has one text");
  // The first address of a network is in it.
  const std::string_view first = network->substr(0, network->find('/'));
  const auto same = ip_key(first, prefixes, again_room);
  require(same && *same == *network, "a network has one text");
}

}  // namespace
}  // namespace rategate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rategate;
  if (size < 2) return 0;
  const IpPrefixes prefixes{fuzz::within(data[0], kMinIpv4Prefix, kMaxIpv4Prefix),
                            fuzz::within(data[1], kMinIpv6Prefix, kMaxIpv6Prefix)};
  fuzz::check_key({reinterpret_cast<const char*>(data) + 2, size - 2}, prefixes);
  return 0;
}
