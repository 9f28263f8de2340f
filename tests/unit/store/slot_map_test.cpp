// The map as a node tells it: what is believed of it, and what is not.
#include "daemon/store/cluster/slot_map.hpp"

#include <optional>
#include <string>

#include "tests/reply_tree.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/store/slot_map_text.hpp"

using namespace rategate;

namespace {

const HostPort kAsked{"asked", 7};

std::optional<SlotMap> read(const std::string& text) {
  std::string_view rest = text;
  return parse_slot_map(ReplyTree::read(rest)->view(), kAsked);
}

}  // namespace

TEST_CASE("a map is read, ranges of one shard joined") {
  const auto map = read(array({row(5, 9, {node("b", 2)}), row(0, 3, {node("a", 1), node("c", 3)}),
                               row(4, 4, {node("a", 1), node("c", 3)})}));
  REQUIRE(map);
  REQUIRE(map->shards.size() == 2);
  CHECK(map->shards[0].primary.address == HostPort{"a", 1});
  CHECK(map->shards[0].slots == std::vector<SlotRange>{{0, 4}});
  REQUIRE(map->shards[0].replicas.size() == 1);
  CHECK(map->shards[0].replicas[0].peer == "c:3");
  CHECK(slot_count(map->shards[1].slots) == 5);
  CHECK(map->slot_count() == 10);
}

TEST_CASE("Redis 7 tells of a name and an address, and of who knows neither") {
  const auto map = read(array({row(
      0, 3,
      {array({bulk("redis.test"), ":1\r\n", bulk("id-a"), array({bulk("ip"), bulk("10.0.0.1")})}),
       array({"$-1\r\n", ":2\r\n", bulk("id-b"), array({})})})}));
  REQUIRE(map);
  CHECK(map->shards[0].primary.address == HostPort{"redis.test", 1});
  CHECK(map->shards[0].primary.peer == "10.0.0.1:1");
  CHECK(map->shards[0].replicas[0].address == HostPort{"asked", 2});
}

TEST_CASE("an absurd map is not believed") {
  CHECK(read(array({}))->shards.empty());
  CHECK_FALSE(read("$3\r\nabc\r\n"));
  CHECK_FALSE(read(array({array({})})));
  CHECK_FALSE(read(array({row(3, 2, {node("a", 1)})})));
  CHECK_FALSE(read(array({row(0, 16384, {node("a", 1)})})));
  CHECK_FALSE(read(array({row(-1, 2, {node("a", 1)})})));
  CHECK_FALSE(read(array({row(0, 2, {node("a", 0)})})));
  CHECK_FALSE(read(array({row(0, 2, {node("a b", 1)})})));
  CHECK_FALSE(read(array({row(0, 2, {array({bulk("a"), ":1\r\n", bulk("")})})})));
  CHECK_FALSE(read(array({row(0, 2, {array({bulk("a"), ":1\r\n", bulk(std::string(65, 'x'))})})})));
  CHECK_FALSE(read(array({row(0, 2, {node("a", 1)}), row(2, 4, {node("b", 2)})})));
  CHECK_FALSE(read(array({row(0, 2, {node("a", 1)}), row(1, 1, {node("a", 1)})})));
  std::vector<std::string> many(200, node("a", 1));
  CHECK_FALSE(read(array({row(0, 2, many)})));
}

// Each of them would be looked for among all others.
TEST_CASE("a map of more shards than a cluster has is not believed") {
  for (const int shards : {1000, 1001}) {
    std::vector<std::string> rows;
    for (int at = 0; at < shards; ++at) rows.push_back(row(at, at, {node(std::to_string(at), 1)}));
    CHECK(read(array(rows)).has_value() == (shards == 1000));
  }
}

TEST_CASE("maps agree where the same primaries have the same slots") {
  const auto one = read(array({row(0, 3, {node("a", 1), node("c", 3)})}));
  CHECK(one->agrees_with(*read(array({row(0, 3, {node("a", 1)})}))));
  CHECK_FALSE(one->agrees_with(*read(array({row(0, 4, {node("a", 1)})}))));
  CHECK_FALSE(one->agrees_with(*read(array({row(0, 3, {node("c", 3)})}))));
  CHECK(one->find_primary("id-a") != nullptr);
  CHECK(one->find_primary("id-c") == nullptr);
}

TEST_CASE("slots that two sets have in common") {
  const SlotRanges slots{{0, 3}, {5, 9}, {12, 12}};
  CHECK(slot_count(slots) == 10);
  CHECK(common_slots(slots, {{2, 6}, {8, 20}}) == SlotRanges{{2, 3}, {5, 6}, {8, 9}, {12, 12}});
  CHECK(common_slots(slots, {{4, 4}, {10, 11}}).empty());
}
