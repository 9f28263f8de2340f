#include "daemon/config/address.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("an address is numbers and a port") {
  for (const char* text : {"127.0.0.1:6380", "127.255.0.9:0", "0.0.0.0:65535", "[::1]:6380",
                           "[::]:1", "[fe80::1]:6380", "10.0.0.1:80"}) {
    const auto address = parse_tcp_address(text);
    REQUIRE(static_cast<bool>(address));
    CHECK(to_text(*address) == text);
  }
}

TEST_CASE("what this host alone reaches is known") {
  const auto loopback = [](const char* text) { return parse_tcp_address(text)->loopback; };
  CHECK(loopback("127.0.0.1:1"));
  CHECK(loopback("127.9.9.9:1"));
  CHECK(loopback("[::1]:1"));
  CHECK_FALSE(loopback("0.0.0.0:1"));
  CHECK_FALSE(loopback("128.0.0.1:1"));
  CHECK_FALSE(loopback("[::]:1"));
  CHECK_FALSE(loopback("[::ffff:127.0.0.1]:1"));
  CHECK_FALSE(loopback("[fe80::1]:1"));
}

TEST_CASE("anything else is refused") {
  for (const char* text : {"",
                           ":",
                           ":6380",
                           "6380",
                           "localhost:6380",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:+1",
                           "127.0.0.1:80x",
                           "127.0.0.1: 80",
                           "::1:6380",
                           "[::1]",
                           "[::1:6380",
                           "::1]:6380",
                           "[127.0.0.1]:80",
                           "[]:80",
                           "127.1:80",
                           "1.2.3.4.5:80"}) {
    INFO(text);
    CHECK_FALSE(static_cast<bool>(parse_tcp_address(text)));
  }
}
