// Which map is used, which shard is which, who proves what, and what redirects lead to: over nodes
// of fakes, under a clock of the test's own.
#include "daemon/store/cluster/cluster_topology.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/store/fake_cluster.hpp"

using namespace rategate;

namespace {

using What = ClusterEvent::What;
using Words = std::vector<std::string>;

constexpr ShardId kFirst{0};
constexpr ShardId kSecond{1};

// Three shards: a with a replica d, b, c.
std::string map_of_three(const std::string& first = "a", int first_last = 5000) {
  const std::string replica = first == "a" ? "d" : "a";
  return array({row(0, first_last, {node(first, 1), node(replica, 1)}),
                row(first_last + 1, 10000, {node("b", 1)}), row(10001, 16383, {node("c", 1)})});
}

struct Bench {
  Bench() : topology(options(), nodes, told) {
    topology.start(nodes.now);
    turn();
  }
  static ClusterTopology::Options options() {
    ClusterTopology::Options options;
    options.seeds = {{"seed", 1}};
    return options;
  }
  void turn() {
    topology.turn(nodes.now);
    topology.pump();
  }
  void pass(std::int64_t us) {
    nodes.now = after(nodes.now, us);
    turn();
  }
  void connect(const Words& names) {
    for (const std::string& name : names) nodes.nodes[name].link->connected(nodes.now);
    turn();
  }
  // Each answers, if it was asked.
  void answer(const Words& names, const std::string& map) {
    for (const std::string& name : names) {
      if (nodes.is_asked(name)) nodes.answer(name, map);
    }
    turn();
  }
  // All are asked anew.
  void ask() {
    topology.topology(kFirst).doubt(nodes.now);
    pass(100'000);
  }
  Topology& first() { return topology.topology(kFirst); }

  FakeNodes nodes;
  ToldByCluster told;
  ClusterTopology topology;
};

const Words kThree{"a:1", "b:1", "c:1"};

// The map of three is in use, and each primary has told it.
struct Settled : Bench {
  Settled() {
    connect({"seed:1"});
    answer({"seed:1"}, map_of_three());
    connect(kThree);
    answer(kThree, map_of_three());
    told.take();
    told.events.clear();
  }
};

}  // namespace

TEST_CASE("the first map that a seed tells is used, and its primaries are asked from then on") {
  Bench bench;
  CHECK(bench.topology.shard_of("x") == ClusterTopology::kNowhere);
  CHECK_FALSE(bench.first().primary(bench.nodes.now));
  bench.connect({"seed:1"});
  REQUIRE(bench.nodes.is_asked("seed:1"));
  bench.answer({"seed:1"}, map_of_three());
  CHECK(bench.told.take() == Words{"0 at a:1", "1 at b:1", "2 at c:1", "nowhere to 0",
                                   "nowhere to 1", "nowhere to 2", "moved"});
  CHECK(bench.told.nowhere);
  CHECK(bench.topology.unserved() == 0);
  CHECK(bench.topology.shard_of("bar") == kSecond);  // slot 5061
  CHECK(bench.first().primary(bench.nodes.now) == HostPort{"a", 1});
  CHECK(bench.first().replicas() == Words{"d:1"});
  CHECK_FALSE(bench.nodes.nodes["seed:1"].open);
  for (const std::string& name : kThree) CHECK(bench.nodes.nodes[name].open);
}

TEST_CASE("a primary is named by a majority of the others, as of their questions") {
  Settled bench;
  const Mono asked = bench.nodes.now;
  CHECK(bench.first().named_at() == asked);
  bench.ask();
  REQUIRE(bench.nodes.is_asked("b:1"));
  bench.answer({"a:1", "b:1"}, map_of_three());
  CHECK(bench.first().named_at() == asked);  // b alone is no majority of two
  bench.answer({"c:1"}, map_of_three());
  CHECK(bench.first().named_at() == bench.nodes.now);
}

TEST_CASE("the word of a primary without replicas counts, unless somebody denies it") {
  Settled bench;
  bench.ask();
  bench.answer({"b:1"}, map_of_three());
  CHECK(bench.topology.topology(kSecond).named_at() == bench.nodes.now);
  bench.ask();
  bench.answer({"a:1"}, map_of_three());
  CHECK(bench.first().named_at() < bench.nodes.now);  // it has a replica
  const Mono before = bench.topology.topology(kSecond).named_at();
  bench.ask();
  bench.answer({"c:1"}, map_of_three("a", 6000));
  bench.answer({"b:1"}, map_of_three());
  CHECK(bench.topology.topology(kSecond).named_at() == before);
}

TEST_CASE("the word of a primary alone is nothing while most of the others do not answer") {
  Settled bench;
  const Topology& second = bench.topology.topology(kSecond);
  const Mono before = second.named_at();
  bench.pass(Witness::kGoodForUs);  // as one that was promoted where nobody else can be reached
  bench.ask();
  bench.answer({"b:1"}, map_of_three());
  CHECK(second.named_at() == before);
  bench.answer({"c:1"}, map_of_three());
  CHECK(second.named_at() == bench.nodes.now);
}

TEST_CASE("a single shard is proved by its replicas, and by its own word where none is known") {
  Bench bench;
  bench.connect({"seed:1"});
  bench.answer({"seed:1"}, array({row(0, 16383, {node("a", 1), node("d", 1)})}));
  bench.connect({"a:1"});
  bench.answer({"a:1"}, array({row(0, 16383, {node("a", 1), node("d", 1)})}));
  CHECK(bench.first().replicas() == Words{"d:1"});
  CHECK(bench.first().named_at() == Witness::kNotNamed);
  bench.ask();
  bench.answer({"a:1"}, array({row(0, 16383, {node("a", 1)})}));
  CHECK(bench.first().replicas().empty());
  CHECK(bench.first().named_at() == bench.nodes.now);
}

TEST_CASE("who names it for fewer slots does not name it") {
  Settled bench;
  const Mono asked = bench.first().named_at();
  bench.ask();
  bench.answer({"b:1"}, map_of_three());
  bench.answer({"c:1"}, map_of_three("a", 4000));
  CHECK(bench.first().named_at() == asked);
}

// It waits for the map, on which they need not agree for a while.
TEST_CASE("a primary that has given a slot away is named for those that it says it still has") {
  Settled bench;
  const Mono asked = bench.first().named_at();
  bench.ask();
  bench.answer({"c:1"}, map_of_three("a", 4200));
  bench.answer({"b:1"}, map_of_three("a", 4500));
  CHECK(bench.first().named_at() == asked);
  bench.answer({"a:1"}, map_of_three("a", 4000));
  CHECK(bench.first().named_at() == bench.nodes.now);
  bench.ask();
  bench.answer({"a:1"}, array({row(5001, 10000, {node("b", 1)})}));  // it has none any more
  bench.answer({"c:1"}, map_of_three("a", 4200));
  bench.answer({"b:1"}, map_of_three("a", 4500));
  CHECK(bench.first().named_at() < bench.nodes.now);
}

TEST_CASE(
    "a primary is named though a node lists slots that it imports where they were, or nowhere") {
  Settled bench;
  const std::string others = row(5001, 10000, {node("b", 1)});
  const std::string last = row(10001, 16383, {node("c", 1)});
  // The first one is gone; the one in its place has a replica of its own.
  const std::string map = array({row(0, 5000, {node("d", 1), node("e", 1)}), others, last});
  bench.ask();
  bench.answer({"b:1", "c:1"}, map);
  bench.connect({"d:1"});
  const auto is_named = [&](int own, const std::string& at) {
    bench.ask();
    bench.answer({"b:1", "d:1"}, map);
    const std::string most = row(0, own, {node("d", 1)});
    bench.answer({"c:1"}, at.empty()
                              ? array({most, others, last})
                              : array({most, row(own + 1, 5000, {node(at, 1)}), others, last}));
    return bench.first().named_at() == bench.nodes.now;
  };
  CHECK(is_named(4999, "a"));
  CHECK(is_named(4999, ""));
  CHECK(is_named(4999, "older"));
  CHECK_FALSE(is_named(4999, "e"));  // which may be in its place
  CHECK_FALSE(is_named(4999, "b"));
  CHECK_FALSE(is_named(2000, "a"));  // it has not heard of it
}

TEST_CASE("another map is used when a majority of its primaries tells it, and not before") {
  Settled bench;
  bench.ask();
  bench.answer({"c:1"}, map_of_three("d"));
  CHECK(bench.told.take().empty());
  bench.answer({"b:1"}, map_of_three("d"));
  CHECK(bench.told.take() == Words{"0 at d:1"});  // the shard stays what it is
  CHECK(bench.told.has(What::PrimaryChanged));
  CHECK(bench.topology.primary_changes() == 1);
  CHECK(bench.first().primary(bench.nodes.now) == HostPort{"d", 1});
  CHECK(bench.first().named_at() == bench.nodes.now);
  CHECK(bench.first().replicas() == Words{"a:1"});
  CHECK_FALSE(bench.nodes.nodes["a:1"].open);
  CHECK(bench.nodes.nodes["d:1"].open);
}

TEST_CASE("one that tells another map alone is followed when nobody supports the old one") {
  Settled bench;
  bench.ask();
  bench.answer({"c:1"}, map_of_three("d"));
  for (int i = 0; i < 40; ++i) {
    CHECK(bench.told.said.empty());
    bench.pass(100'000);
    bench.answer({"c:1"}, map_of_three("d"));
    if (!bench.told.said.empty()) break;
  }
  CHECK(bench.told.take() == Words{"0 at d:1"});
}

TEST_CASE("one that tells another map alone is not followed while a majority supports the old") {
  Settled bench;
  for (int i = 0; i < 40; ++i) {
    bench.ask();
    bench.answer({"a:1", "b:1"}, map_of_three());
    bench.answer({"c:1"}, map_of_three("d"));
  }
  CHECK(bench.told.take().empty());
}

TEST_CASE("a new shard takes a free number, and one without slots gives its up") {
  Settled bench;
  bench.ask();
  const std::string four =
      array({row(0, 5000, {node("a", 1), node("d", 1)}), row(5001, 10000, {node("b", 1)}),
             row(10001, 12000, {node("c", 1)}), row(12001, 16383, {node("e", 1)})});
  bench.answer(kThree, four);
  CHECK(bench.told.take() == Words{"3 at e:1", "2 to 3", "moved"});
  bench.connect({"e:1"});
  bench.answer({"e:1"}, four);
  bench.ask();
  const std::string without =
      array({row(0, 5000, {node("a", 1), node("d", 1)}), row(5001, 10000, {node("b", 1)}),
             row(10001, 16383, {node("e", 1)})});
  bench.answer({"a:1", "b:1", "c:1", "e:1"}, without);
  CHECK(bench.told.take() == Words{"2 to 3", "moved", "2 is gone"});
  CHECK_FALSE(bench.topology.is_in_use(ShardId{2}));
}

// A node that imports a slot lists it there for as long as it does.
TEST_CASE("a replica that has replaced a primary is its shard, though that still has a slot left") {
  Settled bench;
  bench.ask();  // a replica that has come since is known, too
  bench.answer(kThree,
               array({row(0, 5000, {node("a", 1), node("e", 1)}), row(5001, 10000, {node("b", 1)}),
                      row(10001, 16383, {node("c", 1)})}));
  const std::string map =
      array({row(0, 4998, {node("e", 1)}), row(4999, 5000, {node("a", 1)}),
             row(5001, 10000, {node("b", 1)}), row(10001, 16383, {node("c", 1)})});
  for (int i = 0; i < 30; ++i) {
    bench.ask();
    bench.answer({"b:1", "c:1"}, map);
  }
  CHECK(bench.first().primary(bench.nodes.now) == HostPort{"e", 1});
  CHECK(bench.told.has(What::PrimaryChanged));
  CHECK(bench.topology.shard_of("bar") == kSecond);
  CHECK(bench.topology.unserved() == 2);
}

TEST_CASE("slots in no shard, and shards beyond the 32nd, are nowhere") {
  Bench bench;
  bench.connect({"seed:1"});
  std::vector<std::string> rows;
  for (int i = 0; i < 34; ++i) rows.push_back(row(i * 400, i * 400 + 99, {node("n", i + 1)}));
  for (int i = 0; i < 34; ++i) {
    rows[static_cast<std::size_t>(i)] =
        row(i * 400, i * 400 + 99, {node("n" + std::to_string(i), 1)});
  }
  bench.answer({"seed:1"}, array(rows));
  CHECK(bench.topology.unserved() == 16384 - 3200);
  CHECK(bench.told.has(What::SlotsUnserved));
}

TEST_CASE("nobody who tells the map is said once, with why, and the seeds are asked again") {
  Settled bench;
  for (const std::string& name : kThree)
    bench.nodes.nodes[name].link->closed("gone", bench.nodes.now);
  bench.turn();
  CHECK(bench.nodes.nodes["seed:1"].open);
  CHECK(bench.topology.trouble().empty());
  for (int i = 0; i < 90; ++i) bench.pass(100'000);
  CHECK(std::count(bench.told.events.begin(), bench.told.events.end(), What::MapUnknown) == 1);
  CHECK(bench.topology.trouble().find("seed:1: cannot connect in time") != std::string_view::npos);
  bench.nodes.nodes["seed:1"].open = false;
  bench.pass(2'500'000);
  bench.connect({"seed:1"});
  bench.answer({"seed:1"}, map_of_three());
  CHECK(bench.told.has(What::MapKnown));
  CHECK(bench.topology.trouble().empty());
}

TEST_CASE("the map is asked for seldom while nothing happens") {
  Settled bench;
  const Mono before = bench.nodes.now;
  while (!bench.nodes.is_asked("a:1")) {
    bench.nodes.now = bench.topology.next_turn();
    bench.turn();
  }
  CHECK(bench.nodes.now.us - before.us >= 4'000'000);
  CHECK(bench.nodes.now.us - before.us <= 5'000'000);
}

TEST_CASE(
    "a slot that is said to have moved to a known primary goes there, and the map is asked for") {
  Settled bench;
  const Redirect moved{Redirect::Kind::Moved, 5061, {"c", 1}};
  CHECK(bench.topology.guide(kSecond).moved(moved, bench.nodes.now));
  CHECK(bench.topology.shard_of("bar") == ShardId{2});
  CHECK(bench.told.said.empty());  // not while it tells
  bench.pass(50'000);
  CHECK(bench.told.take() == Words{"1 to 2", "moved"});
  CHECK(bench.nodes.is_asked("a:1"));
  // The other one sends it back: one of them is late.
  const Redirect back{Redirect::Kind::Moved, 5061, {"b", 1}};
  CHECK(bench.topology.guide(ShardId{2}).moved(back, bench.nodes.now));
  CHECK_FALSE(bench.topology.guide(kSecond).moved(moved, bench.nodes.now));
}

TEST_CASE("a slot that is said to have moved to whom nobody knows waits for the map") {
  Settled bench;
  const Redirect moved{Redirect::Kind::Moved, 1, {"d", 1}};
  CHECK_FALSE(bench.topology.guide(kFirst).moved(moved, bench.nodes.now));
  bench.pass(50'000);
  CHECK(bench.told.take().empty());
  CHECK(bench.nodes.is_asked("b:1"));
}

TEST_CASE("who is to be asked elsewhere is, where that is a shard") {
  Settled bench;
  Reservation reservation;
  reservation.counter = "x";
  const Redirect there{Redirect::Kind::Ask, 1, {"", 1}};
  CHECK_FALSE(bench.topology.guide(kFirst).ask_elsewhere(there, reservation, bench.nodes.now));
  const Redirect known{Redirect::Kind::Ask, 1, {"b", 1}};
  CHECK(bench.topology.guide(kFirst).ask_elsewhere(known, reservation, bench.nodes.now));
  const Redirect unknown{Redirect::Kind::Ask, 1, {"e", 1}};
  CHECK_FALSE(bench.topology.guide(kFirst).ask_elsewhere(unknown, reservation, bench.nodes.now));
  CHECK(bench.told.said.empty());
  bench.turn();
  CHECK(bench.told.take() == Words{"ask 1 for x"});
}

TEST_CASE("the record of a shard's reign lies in a slot that is its own, and stays there") {
  Settled bench;
  const std::string key = bench.topology.guide(kFirst).record_key();
  CHECK(slot_of_key(key) == 4096);
  CHECK(slot_of_key(bench.topology.guide(kSecond).record_key()) == 8192);
  CHECK(slot_of_key(bench.topology.guide(ShardId{2}).record_key()) == 12288);
  bench.ask();
  bench.answer(kThree, map_of_three("a", 4500));
  CHECK(bench.topology.guide(kFirst).record_key() == key);
}
