#include "daemon/limit/ip_key.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

// "none" where it is no address.
std::string key_of(std::string_view address, const IpPrefixes& prefixes = {}) {
  IpText room;
  return std::string(ip_key(address, prefixes, room).value_or("none"));
}

}  // namespace

TEST_CASE("an address of IPv4 is counted by itself, one of IPv6 by its network") {
  CHECK(key_of("192.0.2.1") == "192.0.2.1");
  CHECK(key_of("0.0.0.0") == "0.0.0.0");
  CHECK(key_of("255.255.255.255") == "255.255.255.255");
  CHECK(key_of("2001:db8::1") == "2001:db8::/64");
  CHECK(key_of("2001:db8::ffff:ffff:ffff:ffff") == "2001:db8::/64");
  CHECK(key_of("2001:db8:0:1::1") == "2001:db8:0:1::/64");
  CHECK(key_of("::1") == "::/64");
}

TEST_CASE("prefixes say how much of an address is the network") {
  CHECK(key_of("192.168.255.255", {24, 64}) == "192.168.255.0/24");
  CHECK(key_of("192.168.255.255", {20, 64}) == "192.168.240.0/20");
  CHECK(key_of("10.255.0.1", {8, 64}) == "10.0.0.0/8");
  CHECK(key_of("255.255.255.255", {31, 64}) == "255.255.255.254/31");
  const std::string whole = "2fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  CHECK(key_of(whole, {32, 128}) == whole);
  CHECK(key_of(whole, {32, 127}) == "2fff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127");
  CHECK(key_of(whole, {32, 56}) == "2fff:ffff:ffff:ff00::/56");
  CHECK(key_of(whole, {32, 12}) == "2ff0::/12");
}

TEST_CASE("the text of a network is that of RFC 5952") {
  const auto whole = [](std::string_view address) { return key_of(address, {32, 128}); };
  CHECK(whole("2001:0DB8:0000:0000:0000:0000:0002:0001") == "2001:db8::2:1");
  CHECK(whole("2001:DB8:A::B") == "2001:db8:a::b");
  CHECK(whole("2001:db8:0:1:1:1:1:1") == "2001:db8:0:1:1:1:1:1");  // one group is not left out
  CHECK(whole("2001:0:0:1:0:0:0:1") == "2001:0:0:1::1");           // the longer ones are
  CHECK(whole("2001:db8:0:0:1:0:0:1") == "2001:db8::1:0:0:1");     // or else the first ones
  CHECK(whole("0:0:1::") == "0:0:1::");
  CHECK(whole("0:0:1:1:1:1:1:1") == "::1:1:1:1:1:1");
  CHECK(whole("1:1:1:1:1:1:0:0") == "1:1:1:1:1:1::");
  CHECK(whole("::") == "::");
  CHECK(whole("::1") == "::1");
  CHECK(whole("64:ff9b::192.0.2.33") == "64:ff9b::c000:221");
}

TEST_CASE("an address that is mapped into IPv6 is the one of IPv4, by its prefix") {
  for (const char* mapped :
       {"::ffff:192.0.2.1", "::FFFF:c000:201", "0:0:0:0:0:ffff:192.0.2.1", "::ffff:c000:0201"}) {
    INFO(mapped);
    CHECK(key_of(mapped) == "192.0.2.1");
  }
  CHECK(key_of("::ffff:192.0.2.1", {24, 128}) == "192.0.2.0/24");
  // What is like it is not.
  CHECK(key_of("::192.0.2.1", {32, 128}) == "::c000:201");
  CHECK(key_of("::1:ffff:192.0.2.1", {32, 128}) == "::1:ffff:c000:201");
  CHECK(key_of("::ffff:0:192.0.2.1", {32, 128}) == "::ffff:0:c000:201");
}

TEST_CASE("what is no address, or more than one, is none") {
  const auto are_none = [](std::initializer_list<const char*> texts) {
    return std::all_of(texts.begin(), texts.end(),
                       [](const char* text) { return key_of(text) == "none"; });
  };
  CHECK(are_none({"", "alice", "localhost", "unix:", "1", "3221225985", ":", ":::", "::g"}));
  // More than an address, and one of which only its host knows what it is.
  CHECK(are_none({"192.0.2.1:5678", "[::1]", "[::1]:80", "192.0.2.1/24", "2001:db8::/32"}));
  CHECK(are_none({"192.0.2.1, 192.0.2.2", " 192.0.2.1", "192.0.2.1 ", "192.0.2.1\n"}));
  CHECK(are_none({"fe80::1%eth0", "fe80::1%1"}));
  // What other programs take for an address, and not all for the same one.
  CHECK(are_none({"010.0.0.1", "192.0.2.01", "10.1", "0x7f.0.0.1", "::ffff:10.1"}));
  CHECK(are_none({"192.0.2.256", "192.0.2.1.1", "192.0.2.", "192.0.2.-1", "::ffff:192.0.2.1.1"}));
  CHECK(are_none({"1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "1:"}));
  CHECK(key_of(std::string_view("192.0.2.1\0", 10)) == "none");
  CHECK(key_of(std::string_view("192.0.2.1\0a", 11)) == "none");
  CHECK(key_of(std::string_view("\0", 1)) == "none");
  CHECK(key_of("\xc0\xa8\x02\x01") == "none");  // the bytes of one
  // As long as the longest address, and longer.
  CHECK(key_of("0000:0000:0000:0000:0000:ffff:255.255.255.255") == "255.255.255.255");
  CHECK(key_of("0000:0000:0000:0000:0000:ffff:255.255.255.2555") == "none");
  CHECK(key_of(std::string(512, '1')) == "none");
}
