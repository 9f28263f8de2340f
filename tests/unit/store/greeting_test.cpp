// The greeting of a store: nothing that it learns counts before it is complete.
#include "daemon/store/greeting.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

Reply text(std::string_view words) {
  Reply reply;
  reply.text = words;
  return reply;
}
Reply error(std::string_view words) {
  Reply reply = text(words);
  reply.is_error = true;
  return reply;
}
Reply time_reply(std::int64_t us) {
  Reply reply;
  reply.time = StoreTime{us};
  return reply;
}

constexpr std::string_view kInfo =
    "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\nrole:master\r\nmaster_replid:def\r\n";

}  // namespace

TEST_CASE("a whole greeting tells who the store is, and the time") {
  Greeting greeting({true, true});
  const auto calls = greeting.begin(false);
  REQUIRE(calls.size() == 7);
  CHECK(calls.front() == Call::Kind::Auth);
  CHECK(calls.back() == Call::Kind::Time);
  const Mono at{10};
  CHECK(greeting.replied(text("OK"), at, at) == Greeting::Outcome::Going);
  CHECK(greeting.replied(text("OK"), at, at) == Greeting::Outcome::Going);
  CHECK(greeting.replied(text(kInfo), at, at) == Greeting::Outcome::Going);
  CHECK(greeting.replied(text("sha1"), at, at) == Greeting::Outcome::Going);
  CHECK(greeting.replied(text("sha2"), at, at) == Greeting::Outcome::Going);
  CHECK(greeting.replied(time_reply(33), at, at) == Greeting::Outcome::Going);
  CHECK(greeting.replied(time_reply(99), Mono{5}, Mono{7}) == Greeting::Outcome::Complete);
  const auto& learned = greeting.learned();
  CHECK(learned.run_id == "abc");
  CHECK(learned.replid == "def");
  CHECK(learned.reserve_script == "sha1");
  CHECK(learned.release_script == "sha2");
  CHECK(learned.since.us == 33);
  CHECK((learned.sent == Mono{5} && learned.received == Mono{7} && learned.time.us == 99));
}

TEST_CASE("what makes a store of no use is said") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"run_id:a\r\nrole:slave\r\n", "it is a replica"},
      {"run_id:a\r\nrole:active-replica\r\n",
       "its role is active-replica: it is not the only one that counts"},
      {"run_id:a\r\nloading:1\r\n", "it is loading its data"},
      {"run_id:a\r\ncluster_enabled:1\r\n",
       "it is a node of a Redis Cluster, which is to be named in [cluster]"},
  };
  for (const auto& [info, why] : cases) {
    Greeting greeting({});
    greeting.begin(false);
    CHECK(greeting.replied(text(info), {}, {}) == Greeting::Outcome::Refused);
    CHECK(greeting.why() == why);
  }
  Greeting greeting({true, false});
  greeting.begin(false);
  CHECK(greeting.replied(error("WRONGPASS no"), {}, {}) == Greeting::Outcome::Refused);
  CHECK(greeting.why() == "AUTH: WRONGPASS no");
}

TEST_CASE("of a cluster it has to be a node") {
  Greeting::Options options;
  options.cluster = true;
  Greeting greeting(options);
  greeting.begin(false);
  CHECK(greeting.replied(text("run_id:a\r\ncluster_enabled:1\r\n"), {}, {}) ==
        Greeting::Outcome::Going);
  greeting.begin(false);
  CHECK(greeting.replied(text("run_id:a\r\ncluster_enabled:0\r\n"), {}, {}) ==
        Greeting::Outcome::Refused);
  CHECK(greeting.why() == "it is no node of a Redis Cluster");
}

TEST_CASE("a store that cannot note a loss now is greeted again") {
  for (const char* why :
       {"OOM command not allowed", "NOREPLICAS Not enough good replicas to write.",
        "LOADING Redis is loading"}) {
    Greeting greeting({});
    greeting.begin(false);
    for (const std::string_view reply : {kInfo, std::string_view("1"), std::string_view("2")}) {
      greeting.replied(text(reply), {}, {});
    }
    CHECK(greeting.replied(error(why), {}, {}) == Greeting::Outcome::Refused);
    CHECK(greeting.why() == std::string("reign: ") + why);
  }
}

TEST_CASE("a user that may not ask INFO can still count") {
  Greeting greeting({});
  greeting.begin(false);
  CHECK(greeting.replied(error("NOPERM this user"), {}, {}) == Greeting::Outcome::Going);
  greeting.replied(text("1"), {}, {});
  greeting.replied(text("2"), {}, {});
  CHECK(greeting.replied(error("NOPERM no such key"), {}, {}) == Greeting::Outcome::Going);
  CHECK(greeting.replied(time_reply(1), {}, {}) == Greeting::Outcome::Complete);
  CHECK(greeting.learned().run_id.empty());
}
