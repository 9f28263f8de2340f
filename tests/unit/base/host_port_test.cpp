#include "daemon/base/host_port.hpp"

#include <string>

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("a host and a port are one text, and the same again") {
  for (const char* text :
       {"redis.test:6379", "10.0.0.1:1", "[::1]:65535", "[fe80::1%eth0]:7", "a_b-c:80"}) {
    INFO(text);
    const auto server = parse_host_port(text);
    REQUIRE(static_cast<bool>(server));
    CHECK(to_text(*server) == text);
  }
  CHECK(parse_host_port("[::1]:7")->host == "::1");
}

TEST_CASE("the port may be left out where it is known") {
  CHECK(*parse_host_port("a", 26379) == HostPort{"a", 26379});
  CHECK(*parse_host_port("[::1]", 26379) == HostPort{"::1", 26379});
  CHECK(*parse_host_port("a:7", 26379) == HostPort{"a", 7});
  CHECK_FALSE(parse_host_port("a"));
  CHECK_FALSE(parse_host_port("[::1]"));
}

TEST_CASE("what is no host with a port is refused") {
  for (const std::string& text :
       {std::string(), std::string(":"), std::string(":7"), std::string("a:"), std::string("a:0"),
        std::string("a:65536"), std::string("a:-1"), std::string("a: 7"), std::string("a b:7"),
        std::string("::1:7"), std::string("[::1"), std::string("[]:7"), std::string("[::1]7"),
        std::string("redis://a:7"), std::string("a/b:7"), std::string("a\n:7"),
        std::string(254, 'a') + ":7"}) {
    INFO(text);
    CHECK_FALSE(parse_host_port(text));
  }
  CHECK_FALSE(to_host_port("a:b", "7"));
  CHECK_FALSE(to_host_port("", "7"));
  CHECK_FALSE(to_host_port("a", "7 "));
}
