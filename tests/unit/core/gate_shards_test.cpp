// Counters that are in one shard and then in another, and what clients find of them.
#include <vector>

#include "daemon/core/gate.hpp"
#include "daemon/store/model/memory_counters.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/core/gate_bench.hpp"
#include "tests/unit/core/segment_memory.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

// Two shards, the clock of the second 200 ms ahead of the other's. All counters are in one.
struct Cluster {
  static constexpr std::uint32_t kSlots = 16;
  static constexpr std::int64_t kSkewUs = 200'000;

  ShardId home{0};
  SegmentMemory memory{kSlots};
  SharedPools pools{memory.get(), kSlots, {}};
  MemoryCounters store;
  Gate gate{options(), &pools};
  Mono now{100'000};
  LimitUsePtr use = limit(1000);

  Cluster() {
    use->leased = true;
    use->rule = 7;
    for (const ShardId shard : {ShardId{0}, ShardId{1}}) {
      gate.measured(shard, now, now, time_of(shard));
      gate.store_up(shard);
    }
    gate.share();
  }
  Gate::Options options() {
    Gate::Options options;
    options.shards = 2;
    options.shard_of = [this](const LimitUse&, std::string_view) { return home; };
    return options;
  }
  StoreTime time_of(ShardId shard) const { return {kStart + now.us + shard.value * kSkewUs}; }
  // A check, and all that the store is asked then.
  void check() {
    gate.check({use, "k", 1, 1}, now);
    Reservation next;
    Pull pull;
    while (gate.compose(home, pull, now, next)) {
      gate.answered(next.id, store.reserve(next, time_of(home)), now);
    }
    gate.answers().clear();
  }
  std::vector<SlotId> shown() {
    std::vector<SlotId> slots;
    pools.visit_some([&](SlotId slot, CounterId) { slots.push_back(slot); });
    return slots;
  }
  std::uint64_t clock_of(SlotId slot) {
    return pools.slot(slot).identity.rule >> RG_RULE_BITS & (RG_SHM_CLOCKS - 1);
  }
  bool is_void(SlotId slot) {
    return pools.slot(slot).word[0] == RG_WORD_VOID && pools.slot(slot).word[1] == RG_WORD_VOID;
  }
};

}  // namespace

TEST_CASE("what clients were shown of a counter is taken from them when it is in another shard") {
  Cluster it;
  it.check();
  REQUIRE(it.shown().size() == 1);
  const SlotId first = it.shown()[0];
  CHECK(it.clock_of(first) == 0);
  CHECK_FALSE(it.is_void(first));
  it.home = {1};
  SECTION("when it is asked for") {}
  SECTION("when a client says that it is low") { it.gate.nudged(first, it.now); }
  SECTION("when the map says so, before its clock is another's") {
    it.gate.store_replaced({0}, it.now);
    CHECK(it.shown().empty());
  }
  it.check();
  REQUIRE(it.shown().size() == 1);
  const SlotId second = it.shown()[0];
  CHECK(it.clock_of(second) == 1);
  CHECK_FALSE(it.is_void(second));
  // A client that has read the old word swaps nothing in its place.
  CHECK(second != first);
  CHECK(it.is_void(first));
  CHECK(it.pools.slot(first).identity.rule == 0);
}

TEST_CASE("each shard's clock is told, and forgotten, by itself") {
  Cluster it;
  const auto& clock = static_cast<const rg_shm_header*>(it.memory.get())->clock;
  CHECK(clock[1].offset_ns - clock[0].offset_ns == Cluster::kSkewUs * 1000);
  it.gate.store_replaced({0}, it.now);
  CHECK(clock[0].until_ns == 0);
  CHECK(clock[1].until_ns > 0);
}
