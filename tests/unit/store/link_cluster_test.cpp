// The link to a shard of a cluster: calls by slot, and what redirects mean for who waits.
#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/hash_slot.hpp"
#include "daemon/store/cluster/shard_director.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/store/one_link.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kLater = 10'000;
const std::uint16_t kSlot = slot_of_key("rategate:{a:key}");  // of the counters of "key"

std::string moved() { return "MOVED " + std::to_string(kSlot) + " b:1"; }

class FakeGuide final : public ShardGuide {
 public:
  std::string record_key() const override { return record; }
  bool has_host_count() const override { return counts; }
  bool moved(const Redirect& redirect, Mono) override {
    slots.push_back(redirect.slot);
    return known;
  }
  bool ask_elsewhere(const Redirect&, const Reservation& reservation, Mono) override {
    asked.push_back(reservation);
    return known;
  }
  void map_is_old(Mono) override { ++asked_for_map; }
  int asked_for_map = 0;
  bool counts = false;
  std::string record = "rategate:{1}:reign";
  bool known = true;
  std::vector<std::uint16_t> slots;
  std::vector<Reservation> asked;
};

// Two shards that are greeted; all counters are in the first, until `at` is changed.
struct TwoShards {
  TwoShards() : driver(gate_options(), nullptr, told) {
    for (FakeTransport* transport : {&first, &second}) {
      Link::Options options;
      options.guide = &guide;
      Link& link = driver.add(options, *transport);
      link.moved("there", now());
      link.connected(now());
      driver.pump(now());
      record = transport->calls[3].record;
      transport->answer_all(link);
    }
  }
  Gate::Options gate_options() {
    Gate::Options options;
    options.shards = 2;
    options.shard_of = [this](const LimitUse&, std::string_view) { return at; };
    return options;
  }
  Mono now() const { return first.now; }
  void pass(std::int64_t us) {
    first.now = second.now = after(first.now, us);
    driver.pump(now());
  }
  void check(std::string_view key) { driver.gate().check({use, key, 1, ++tickets, 1}, now()); }
  CheckResult checked(std::string_view key) {
    return driver.gate().check({use, key, 1, ++tickets, 1}, now());
  }
  // In which the counter of "key" is.
  std::uint16_t slot() const { return slot_of_key(use->names.of("key", 0)); }
  std::size_t allowed() {
    std::size_t count = 0;
    for (const Answer& answer : std::exchange(driver.gate().answers(), {})) {
      count += answer.decision.allowed ? 1 : 0;
    }
    return count;
  }
  Link& link(std::uint16_t shard) { return driver.link({shard}); }

  FakeTransport first{kStart}, second{kStart};
  FakeGuide guide;
  ShardId at{0};
  std::string record;
  LimitUsePtr use = exact_limit("a", 5);
  std::uint64_t tickets = 0;
  Told told;
  Driver driver;
};

std::ptrdiff_t reservations(const FakeTransport& transport) {
  return std::count_if(transport.calls.begin(), transport.calls.end(),
                       [](const Call& call) { return call.kind == Call::Kind::Reserve; });
}

}  // namespace

TEST_CASE("a call has the counters of one slot, and the record is no part of it") {
  TwoShards two;
  CHECK(two.record == "rategate:{1}:reign");
  for (int i = 0; i < 20; ++i) two.check("key" + std::to_string(i));
  two.pass(0);
  REQUIRE(two.first.calls.size() >= 2);
  for (const Call& call : two.first.calls) {
    if (call.kind != Call::Kind::Reserve) continue;
    CHECK(call.reign.empty());
    CHECK(call.reservations.size() == 1);
  }
  two.first.answer_all(two.link(0));
  two.pass(0);
  two.first.answer_all(two.link(0));
  CHECK(two.allowed() == 20);
}

TEST_CASE("what was refused by MOVED is asked at the new shard, and counted once") {
  TwoShards two;
  two.check("key");
  two.pass(0);
  two.first.refuse(two.link(0), moved());
  CHECK(two.guide.slots.empty());
  two.first.answer_all(two.link(0));  // the INFO behind it: it still is the primary
  CHECK(two.guide.slots == std::vector<std::uint16_t>{kSlot});
  two.at = {1};
  two.driver.gate().slots_moved(two.now());
  two.pass(0);
  CHECK(two.first.calls.empty());
  REQUIRE(two.second.calls.size() == 2);
  two.second.answer_all(two.link(1));
  CHECK(two.allowed() == 1);
}

TEST_CASE("who is no primary any more leads nobody elsewhere") {
  TwoShards two;
  two.check("key");
  two.pass(0);
  two.first.role = "slave";
  SECTION("by MOVED") { two.first.refuse(two.link(0), moved()); }
  SECTION("by ASK") { two.first.refuse(two.link(0), "ASK " + std::to_string(kSlot) + " b:1"); }
  two.first.answer(two.link(0));
  CHECK(two.link(0).state() != Link::State::Up);
  CHECK(two.guide.slots.empty());
  CHECK(two.guide.asked.empty());
}

TEST_CASE("where it goes is not known yet: it is asked again a little later") {
  TwoShards two;
  two.guide.known = false;
  two.check("key");
  two.pass(0);
  two.first.refuse(two.link(0), moved());
  two.first.answer_all(two.link(0));
  two.pass(kLater - 1);
  CHECK(two.first.calls.empty());
  two.pass(1);
  REQUIRE(two.first.calls.size() == 2);
  two.first.answer_all(two.link(0));
  CHECK(two.allowed() == 1);
}

TEST_CASE("a redirect of another slot is not believed, and asked again a little later") {
  for (const std::string kind : {"MOVED ", "ASK "}) {
    TwoShards two;
    two.check("key");
    two.pass(0);
    two.first.refuse(two.link(0), kind + std::to_string(kSlot + 1) + " b:1");
    two.first.answer_all(two.link(0));
    CHECK(two.guide.slots.empty());
    CHECK(two.guide.asked.empty());
    two.pass(kLater - 1);
    CHECK(two.first.calls.empty());
    two.pass(1);
    CHECK(two.first.calls.size() == 2);
  }
}

TEST_CASE("a node that does not know a script whose text it was sent is not asked at once") {
  TwoShards two;
  two.check("key");
  two.pass(0);
  REQUIRE(two.first.calls[0].script.empty());
  two.first.refuse(two.link(0), "NOSCRIPT No matching script.");
  two.first.answer_all(two.link(0));
  two.pass(kLater - 1);
  CHECK(two.first.calls.empty());
  two.pass(1);
  CHECK(reservations(two.first) == 1);
}

TEST_CASE("TRYAGAIN of one counter is asked again a little later") {
  TwoShards two;
  two.check("key");
  two.pass(0);
  two.first.refuse(two.link(0), "TRYAGAIN Multiple keys request during rehashing of slot");
  two.first.answer_all(two.link(0));
  two.pass(kLater);
  CHECK(two.first.calls.size() == 2);
}

TEST_CASE("a slot that no node serves takes nothing from others of the shard") {
  TwoShards two;
  two.check("key");
  two.pass(0);
  two.first.refuse(two.link(0), "CLUSTERDOWN Hash slot not served");
  two.first.answer_all(two.link(0));
  CHECK(two.link(0).state() == Link::State::Up);
  CHECK(two.guide.asked_for_map == 1);
  two.pass(kLater);
  CHECK(reservations(two.first) == 1);
}

TEST_CASE("ASK is asked there, by ASKING and the whole text, and answered once") {
  TwoShards two;
  two.check("key");
  two.pass(0);
  two.first.refuse(two.link(0), "ASK " + std::to_string(kSlot) + " b:1");
  two.first.answer_all(two.link(0));
  REQUIRE(two.guide.asked.size() == 1);
  two.link(1).ask(two.guide.asked[0], two.now());
  two.pass(0);
  REQUIRE(two.second.calls.size() == 3);
  CHECK(two.second.calls[0].kind == Call::Kind::Asking);
  CHECK(two.second.calls[1].kind == Call::Kind::Reserve);
  CHECK(two.second.calls[1].script.empty());
  SECTION("it is answered") {
    two.second.answer_all(two.link(1));
    CHECK(two.allowed() == 1);
    two.check("key");
    two.pass(0);
    CHECK(reservations(two.first) == 1);  // the map is what it was
  }
  SECTION("it leads on to another: it is asked at its shard again, a little later") {
    two.first.answer_all(two.link(0));
    two.second.answer(two.link(1));
    two.second.refuse(two.link(1), "ASK " + std::to_string(kSlot) + " a:1");
    two.second.answer_all(two.link(1));
    CHECK(two.guide.asked.size() == 1);
    two.pass(kLater - 1);
    CHECK(two.first.calls.empty());
    two.pass(1);
    CHECK(reservations(two.first) == 1);
  }
  SECTION("the connection there is lost: it is asked at its shard again") {
    two.first.answer_all(two.link(0));
    two.link(1).closed("cut", two.now());
    two.pass(0);
    CHECK(reservations(two.first) == 1);
  }
  SECTION("the connection of its shard is lost: that is none of its concern") {
    two.link(0).closed("cut", two.now());
    two.second.answer_all(two.link(1));
    CHECK(two.allowed() == 1);
  }
}

TEST_CASE("what is under way when its slot moves is answered where it was asked") {
  TwoShards two;
  two.check("key");
  two.pass(0);
  two.at = {1};
  two.driver.gate().slots_moved(two.now());
  two.check("key");
  two.pass(0);
  CHECK(two.second.calls.empty());
  two.first.answer_all(two.link(0));
  CHECK(two.allowed() == 1);
  two.pass(0);
  two.second.counters = std::move(two.first.counters);  // its keys were moved as well
  two.second.answer_all(two.link(1));
  CHECK(two.allowed() == 1);
}

TEST_CASE("windows that were lost in the old shard stay lost in the new one") {
  TwoShards two;
  two.driver.gate().lose_windows({0}, {StoreTime{INT64_MAX}, 0}, two.now());
  two.driver.gate().slot_moved(two.slot(), {0}, {1}, two.now(), two.now());
  two.at = {1};
  const CheckResult result = two.driver.gate().check({two.use, "key", 1, 1, 1}, two.now());
  CHECK(result.verdict == Verdict::Decided);
  CHECK_FALSE(result.decision.allowed);
}

TEST_CASE("what a shard that is not greeted may have lost is not given out where its slots are") {
  TwoShards two;
  two.link(0).moved("there is another one", two.now());
  two.driver.gate().slot_moved(two.slot(), {0}, {1}, two.now(), two.now());
  two.at = {1};
  const auto check = [&] { return two.checked("key"); };
  CHECK(check().decision.reason == Reason::StoreAway);
  SECTION("until it is greeted, and has lost nothing") {
    two.link(0).connected(two.now());
    two.driver.pump(two.now());
    two.first.answer_all(two.link(0));
    CHECK(check().waits);
  }
  SECTION("nor in windows that begin later") {
    two.pass(2'000'000);
    CHECK(check().waits);
  }
  SECTION("nor of other slots") { CHECK(two.checked("another").waits); }
}

TEST_CASE("a loss that is heard of once a slot has left concerns the shard that has it") {
  TwoShards two;
  struct Silent final : ShardDirector {
    using ShardDirector::ShardDirector;
    void cluster_event(const ClusterEvent&) override {}
    void cluster_changed() override {}
  } director(two.driver);
  director.slot_moved(two.slot(), {0}, {1}, two.now(), two.now());
  two.at = {1};
  director.slots_moved(two.now());
  two.driver.gate().lose_windows({0}, {StoreTime{INT64_MAX}, 0}, two.now());
  const CheckResult result = two.driver.gate().check({two.use, "key", 1, 1, 1}, two.now());
  CHECK(result.verdict == Verdict::Decided);
  CHECK_FALSE(result.decision.allowed);
}

namespace {

// A permit of an hour is taken of each key in the first shard, which loses them.
struct LostHour : TwoShards {
  LostHour() {
    Limit limit = declared_limit("a", {10, 3'600'000}, true);
    limit.mode = Mode::Exact;
    use = std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
    for (const char* key : {"key", "other"}) check(key);
    pass(0);
    first.answer_all(link(0));
    REQUIRE(allowed() == 2);
    pass(1'500'000);
    first.replid = "another";
    first.reign = "another 1700000001000000 other";
    first.since = {kStart + now().us};
    link(0).closed("gone", now());
    link(0).connected(now());
    driver.pump(now());
    first.answer_all(link(0));
    pass(0);
  }
  static std::vector<Call> recounts(const FakeTransport& transport) {
    std::vector<Call> told;
    std::copy_if(transport.calls.begin(), transport.calls.end(), std::back_inserter(told),
                 [](const Call& call) { return call.kind == Call::Kind::Recount; });
    return told;
  }
};

}  // namespace

TEST_CASE("what is known of lost windows is told in a call of each counter, by the replid") {
  LostHour lost;
  const std::vector<Call> told = lost.recounts(lost.first);
  REQUIRE(told.size() == 2);
  for (const Call& call : told) {
    CHECK(call.recounts.size() == 1);
    CHECK(call.recounts[0].known == 1);
    CHECK(call.reign == lost.first.reign);
    CHECK(call.by_replid);
  }
}

TEST_CASE(
    "a counter that went elsewhere before it was told of is no loss of the store as a whole") {
  LostHour lost;
  REQUIRE(lost.recounts(lost.first).size() == 2);
  const std::string counter = lost.recounts(lost.first)[0].recounts[0].counter;
  const std::string slot = std::to_string(slot_of_key(counter));
  SECTION("it is told again a little later, where it is by then") {
    lost.first.refuse(lost.link(0), "MOVED " + slot + " b:1");
    CHECK(lost.guide.asked_for_map == 1);
  }
  SECTION("so is one whose slot is on its way") {
    lost.first.refuse(lost.link(0), "ASK " + slot + " b:1");
    CHECK(lost.guide.slots.empty());
  }
  CHECK(lost.link(0).state() == Link::State::Up);
  CHECK(lost.recounts(lost.first).size() == 1);
  lost.pass(50'000);
  const std::vector<Call> told = lost.recounts(lost.first);
  REQUIRE(told.size() == 2);
  CHECK(told[1].recounts[0].counter == counter);
}

TEST_CASE("a record that is kept in another slot than before tells of no loss") {
  LostHour lost;
  lost.first.answer_all(lost.link(0));
  lost.pass(1'500'000);
  const auto greet_again = [&] {
    lost.link(0).closed("gone", lost.now());
    lost.link(0).connected(lost.now());
    lost.driver.pump(lost.now());
    lost.first.reign = "another 1700000003000000 third";
    lost.first.since = {kStart + lost.now().us};
    lost.first.answer_all(lost.link(0));
    lost.pass(0);
    return lost.recounts(lost.first).size();
  };
  SECTION("as its key tells") {
    lost.guide.record = "rategate:{2}:reign";
    CHECK(greet_again() == 0);
  }
  SECTION("another one in the same slot does") { CHECK(greet_again() == 2); }
}

TEST_CASE("who knows of a window that is to be counted on hears of a failover without asking") {
  LostHour lost;
  lost.first.answer_all(lost.link(0));
  lost.pass(2'000'000);
  REQUIRE(lost.first.calls.size() == 1);
  CHECK(lost.first.calls[0].kind == Call::Kind::Replication);
  lost.first.role = "slave";
  lost.first.answer_all(lost.link(0));
  CHECK(lost.link(0).state() != Link::State::Up);
}

TEST_CASE("who waits before a counter of a shard that is away is answered") {
  TwoShards two;
  two.check("key");
  two.driver.gate().store_away({1}, two.now());
  two.at = {1};
  two.driver.gate().slots_moved(two.now());
  CHECK(two.driver.gate().answers().size() == 1);
}

TEST_CASE("the hosts are counted in the shard that has the slot of their count, and only there") {
  TwoShards two;
  const auto asked = [&] {
    std::ptrdiff_t count = 0;
    for (const FakeTransport* transport : {&two.first, &two.second}) {
      count += std::count_if(transport->calls.begin(), transport->calls.end(),
                             [](const Call& call) { return call.kind == Call::Kind::Hosts; });
    }
    return count;
  };
  two.driver.gate().count_hosts(true);
  two.pass(0);
  CHECK(asked() == 0);
  two.guide.counts = true;
  two.pass(0);
  CHECK(asked() > 0);
}
