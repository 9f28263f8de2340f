// When a primary has proved that none of its replicas was promoted in its place.
#include "daemon/store/replica_proof.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr const char* kOne = "10.0.0.2:6379";
constexpr const char* kPrimary = "10.0.0.1:6379";
constexpr const char* kOther = "10.0.0.3:6379";

Replication said(std::int64_t offset, std::vector<Replication::Replica> replicas) {
  return {offset, std::move(replicas)};
}

Mono ms(std::int64_t at) { return Mono{at * 1000}; }

}  // namespace

TEST_CASE("where there is no replica there is nothing to prove") {
  ReplicaProof proof;
  CHECK(proof.replicas() == 0);
  CHECK(proof.holds(ms(5)));
}

TEST_CASE("a replica has followed when a question was asked if it has more than was there then") {
  ReplicaProof proof;
  proof.require({kOne}, kPrimary);
  proof.said(said(100, {{kOne, true, 100}}), ms(1000));
  CHECK_FALSE(proof.holds(ms(1000)));
  // All that was there, and perhaps long before.
  proof.said(said(100, {{kOne, true, 100}}), ms(1100));
  CHECK_FALSE(proof.holds(ms(1100)));
  proof.said(said(150, {{kOne, true, 101}}), ms(1200));
  CHECK(proof.holds(ms(1200)));
  CHECK(proof.is_fresh(ms(2100)));
  CHECK_FALSE(proof.is_fresh(ms(2101)));
  CHECK(proof.holds(ms(3100)));
  CHECK_FALSE(proof.holds(ms(3101)));
}

TEST_CASE("a primary that does not tell how far it is proves nothing") {
  ReplicaProof proof;
  proof.require({kOne}, kPrimary);
  for (std::int64_t at = 0; at < 3; ++at) proof.said(said(0, {{kOne, true, 100}}), ms(100 * at));
  CHECK_FALSE(proof.holds(ms(300)));
}

TEST_CASE("an old acknowledgement that is read late proves nothing new") {
  ReplicaProof proof;
  proof.require({kOne}, kPrimary);
  proof.said(said(100, {{kOne, true, 90}}), ms(0));
  proof.said(said(200, {{kOne, true, 150}}), ms(1000));
  CHECK(proof.holds(ms(1000)));
  // The primary stood still, and the replica was promoted meanwhile.
  proof.said(said(210, {{kOne, true, 200}}), ms(4000));
  CHECK_FALSE(proof.holds(ms(4000)));
  CHECK(proof.laggard() == kOne);
}

TEST_CASE("each that may be promoted has to follow, and no other counts") {
  ReplicaProof proof;
  proof.require({kOne, kOther, kPrimary}, kPrimary);
  const auto both = [&](bool other_online, std::int64_t one, std::int64_t other) {
    return std::vector<Replication::Replica>{{kOne, true, one}, {kOther, other_online, other}};
  };
  proof.said(said(100, both(true, 0, 0)), ms(0));
  proof.said(said(200, both(true, 150, 100)), ms(100));
  CHECK_FALSE(proof.holds(ms(100)));
  CHECK(proof.laggard() == kOther);
  proof.said(said(300, both(true, 250, 101)), ms(200));
  CHECK(proof.holds(ms(200)));
  // It has to begin anew, also where it comes back.
  proof.said(said(400, both(false, 350, 399)), ms(300));
  CHECK_FALSE(proof.holds(ms(300)));
  proof.said(said(500, {{kOne, true, 450}, {"10.0.0.4:6379", true, 450}}), ms(400));
  CHECK_FALSE(proof.holds(ms(400)));
  proof.said(said(600, both(true, 550, 550)), ms(500));
  CHECK(proof.holds(ms(500)));
  // One more.
  proof.require({kOne, kOther, "10.0.0.4:6379"}, kPrimary);
  CHECK_FALSE(proof.holds(ms(500)));
  CHECK(proof.laggard() == "10.0.0.4:6379");
  // And it is gone again.
  proof.require({kOne, kOther}, kPrimary);
  CHECK(proof.holds(ms(500)));
  proof.forget();
  CHECK_FALSE(proof.holds(ms(500)));
}

TEST_CASE("what INFO tells of replicas") {
  const auto parsed = parse_replication(
      "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n"
      "slave0:ip=10.0.0.2,port=6379,state=online,offset=1234,lag=0\r\n"
      "slave1:ip=db.example,port=7000,state=wait_bgsave,offset=0,lag=0,type=replica\r\n"
      "master_failover_state:no-failover\r\nmaster_replid:ab\r\nmaster_repl_offset:2000\r\n");
  CHECK(parsed.offset == 2000);
  REQUIRE(parsed.replicas.size() == 2);
  REQUIRE(parsed.find("10.0.0.2:6379") != nullptr);
  CHECK(parsed.find("10.0.0.2:6379")->offset == 1234);
  CHECK(parsed.find("10.0.0.2:6379")->online);
  REQUIRE(parsed.find("db.example:7000") != nullptr);
  CHECK_FALSE(parsed.find("db.example:7000")->online);
  CHECK(parsed.find("10.0.0.3:6379") == nullptr);
  // It has connected again, and the primary holds its dead connection still.
  const auto twice = parse_replication(
      "slave0:ip=10.0.0.2,port=6379,state=online,offset=5,lag=9\r\n"
      "slave1:ip=10.0.0.3,port=6379,state=online,offset=7,lag=0\r\n"
      "slave2:ip=10.0.0.2,port=6379,state=online,offset=9,lag=0\r\n"
      "slave3:ip=10.0.0.3,port=6379,state=wait_bgsave,offset=0,lag=0\r\n");
  REQUIRE(twice.replicas.size() == 2);
  CHECK(twice.find("10.0.0.2:6379")->offset == 9);
  CHECK(twice.find("10.0.0.3:6379")->offset == 7);
  CHECK(parse_replication("").replicas.empty());
  CHECK(parse_replication("master_repl_offset:x\r\nslave0:junk\r\n").offset == 0);
}
