// What a node of a cluster answers to whom it does not serve.
#include "daemon/store/cluster/redirect.hpp"

#include <string_view>

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("redirects are read") {
  const auto moved = parse_redirect("MOVED 3999 127.0.0.1:6381");
  REQUIRE(moved);
  CHECK(moved->kind == Redirect::Kind::Moved);
  CHECK(moved->slot == 3999);
  CHECK(moved->to == HostPort{"127.0.0.1", 6381});
  const auto ask = parse_redirect("ASK 0 redis.test:1");
  REQUIRE(ask);
  CHECK(ask->kind == Redirect::Kind::Ask);
  CHECK(ask->to == HostPort{"redis.test", 1});
  CHECK(parse_redirect("MOVED 16383 ::1:6381")->to == HostPort{"::1", 6381});
  CHECK(parse_redirect("TRYAGAIN Multiple keys request during rehashing of slot")->kind ==
        Redirect::Kind::TryAgain);
  CHECK(parse_redirect("CLUSTERDOWN Hash slot not served")->kind == Redirect::Kind::Nowhere);
}

TEST_CASE("two of them name another node") {
  CHECK(leads_elsewhere("MOVED 1 a:1"));
  CHECK(leads_elsewhere("ASK 1 a:1"));
  CHECK_FALSE(leads_elsewhere("TRYAGAIN Multiple keys request during rehashing of slot"));
  CHECK_FALSE(leads_elsewhere("CLUSTERDOWN Hash slot not served"));
}

TEST_CASE("a node without an address of its own is the one that was asked") {
  CHECK(parse_redirect("MOVED 1 :6381")->to == HostPort{"", 6381});
  CHECK(parse_redirect("MOVED 1 ?:6381")->to == HostPort{"", 6381});
}

TEST_CASE("what is no redirect is none") {
  for (const std::string_view error :
       {"", "MOVED", "MOVED ", "MOVED 1", "MOVED 16384 a:1", "MOVED -1 a:1", "MOVED x a:1",
        "MOVED 1 a", "MOVED 1 a:0", "MOVED 1 a:65536", "MOVED 1 a b:1", "ASKING 1 a:1",
        "CLUSTERDOWN The cluster is down", "ERR MOVED 1 a:1"}) {
    CHECK_FALSE(parse_redirect(error));
  }
}
