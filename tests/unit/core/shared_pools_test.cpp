#include "daemon/core/shared_pools.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>

#include "tests/unit/catch.hpp"
#include "tests/unit/core/segment_memory.hpp"

using namespace rategate;

namespace {

constexpr std::uint32_t kSlots = 16;

const SharedPools::Secrets kSecrets{7, {1, 2, 3, 4}, {5, 6}};

struct Table {
  SegmentMemory memory{kSlots};
  SharedPools pools{memory.get(), kSlots, kSecrets};
  std::vector<CounterId> evicted;

  const rg_shm_header& header() { return *static_cast<const rg_shm_header*>(memory.get()); }
  SlotId take(const std::string& key, std::uint32_t owner, std::int64_t over_ms = 0) {
    return pools.take({1, key, {0}, {owner}}, over_ms,
                      [&](CounterId from) { evicted.push_back(from); });
  }
  // Takes slots for new keys until one finds none. Its number.
  std::uint32_t fill() {
    for (std::uint32_t owner = 0;; ++owner) {
      const SlotId slot = take("key" + std::to_string(owner), owner);
      if (slot.is_none()) return owner;
      REQUIRE(pools.will_publish(slot, 0, 1000));
    }
  }
};

}  // namespace

TEST_CASE("two keys never have one slot, and one whose eight are in use has none") {
  Table table;
  std::set<SlotId> taken;
  std::uint32_t given = 0;
  for (std::uint32_t owner = 0; owner < 200; ++owner) {
    const SlotId slot = table.take("key" + std::to_string(owner), owner);
    if (slot.is_none()) continue;
    REQUIRE(table.pools.will_publish(slot, 1, 1000));
    ++given;
    taken.insert(slot);
    CHECK(table.pools.owner(slot) == CounterId{owner});
  }
  CHECK(taken.size() == given);
  CHECK(given == kSlots);
  CHECK(table.pools.used() == kSlots);
  CHECK(table.evicted.empty());
}

TEST_CASE("a slot changes hands only when the windows of both its words are over") {
  Table table;
  const std::uint32_t without = table.fill();
  const std::string key = "key" + std::to_string(without);
  // One word of each slot lives on.
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    REQUIRE(table.pools.will_publish({slot}, 1, 2000));
  }
  CHECK(table.take(key, without, 1999).is_none());
  CHECK(table.evicted.empty());
  const SlotId slot = table.take(key, without, 2000);
  REQUIRE_FALSE(slot.is_none());
  CHECK(table.evicted.size() == 1);
  CHECK(table.pools.owner(slot) == CounterId{without});
}

TEST_CASE("a slot that was given back is void, and used again when its windows are over") {
  Table table;
  const SlotId slot = table.take("a", 1);
  CHECK(table.pools.will_publish(slot, 0, 1000));
  CHECK_FALSE(table.pools.will_publish(slot, 0, 1000));
  CHECK_FALSE(table.pools.will_publish(slot, 0, 999));
  rg_word_publish(&table.pools.slot(slot).word[0], rg_word_make(1000, 5, false));
  table.pools.give_back(slot);
  CHECK(table.pools.slot(slot).word[0] == RG_WORD_VOID);
  CHECK(table.pools.owner(slot).is_none());
  CHECK(table.pools.used() == 0);
  const std::uint64_t secret[2] = {5, 6};
  const rg_identity a = rg_identity_of(1, "a", 1, secret);
  CHECK_FALSE(rg_slot_is(&table.pools.slot(slot), &a));  // a client finds the other one
  CHECK(table.take("a", 1, 999) != slot);
  CHECK(table.take("a", 2, 1000) == slot);
}

TEST_CASE("the slot of a key carries its identity, and a long key only a digest of it") {
  Table table;
  const std::string key(100, 'k');
  const SlotId slot = table.take(key, 3);
  const std::uint64_t secret[2] = {5, 6};
  const rg_identity same = rg_identity_of(1, key.data(), key.size(), secret);
  const rg_identity other = rg_identity_of(2, key.data(), key.size(), secret);
  CHECK(rg_slot_is(&table.pools.slot(slot), &same));
  CHECK_FALSE(rg_slot_is(&table.pools.slot(slot), &other));
  CHECK(table.pools.owner({kSlots}).is_none());
}

TEST_CASE("a slot says by which shard's clock it is, and each shard has its own") {
  Table table;
  const SlotId slot = table.pools.take({1, "a", {31}, {1}}, 0, [](CounterId) {});
  const std::uint64_t secret[2] = {5, 6};
  const rg_identity a = rg_identity_of(1, "a", 1, secret);
  CHECK(rg_clock_of(&table.pools.slot(slot), &a) == 31);
  table.pools.set_clock({0}, 7, 1, Mono{5}, 10, Mono{100});
  table.pools.set_clock({31}, 9, 1, Mono{5}, 10, Mono{100});
  CHECK(table.header().clock[0].offset_ns == 7000);
  CHECK(table.header().clock[31].offset_ns == 9000);
  table.pools.forget_clock({31});
  CHECK(table.header().clock[0].until_ns == 100'000);
  CHECK(table.header().clock[31].until_ns == 0);
}

TEST_CASE("clients are told moments by their clock, which stood still with the host") {
  Table table;
  const rg_shm_clock& clock = table.header().clock[0];
  table.pools.set_clock({0}, 7, 1, Mono{50}, 10, Mono{100});
  CHECK(clock.offset_ns == 7'000);
  table.pools.set_clients_behind(20'001);
  table.pools.set_clock({0}, 7, 1, Mono{50}, 10, Mono{100});
  CHECK(clock.offset_ns == 27'001);
  CHECK(clock.measured_ns == 29'999);
  CHECK(clock.until_ns == 79'999);
  table.pools.set_clock({0}, 7, 1, Mono{50}, 10, Mono{20});
  CHECK(clock.until_ns == 0);
  table.pools.forget_clock({0});
  CHECK(clock.until_ns == 0);
}

TEST_CASE("slots that have an owner are visited in turn, and not very many at once") {
  constexpr std::uint32_t kMany = 8192;
  SegmentMemory memory{kMany};
  SharedPools pools{memory.get(), kMany, {7, {1, 2, 3, 4}, {5, 6}}};
  std::vector<int> visits;
  for (std::uint32_t n = 0; n < 2000; ++n) {
    const CounterId owner{static_cast<std::uint32_t>(visits.size())};
    const std::string key = "key" + std::to_string(n);
    const SlotId slot = pools.take({1, key, {0}, owner}, 0, [](CounterId) {});
    if (!slot.is_none()) visits.push_back(0);
  }
  REQUIRE(visits.size() > 1500);
  std::uint32_t at_once = 0;
  const auto visit_some = [&] {
    at_once = 0;
    pools.visit_some([&](SlotId slot, CounterId owner) {
      ++at_once;
      CHECK(pools.owner(slot) == owner);
      ++visits[owner.value];
    });
  };
  visit_some();
  CHECK(at_once == SharedPools::kMostVisited);
  visit_some();
  CHECK(at_once == SharedPools::kMostVisited);
  for (const int each : visits) CHECK((each == 1 || each == 2));
}

TEST_CASE("a few slots that have an owner are all visited each time") {
  Table table;
  table.take("a", 1);
  table.take("b", 2);
  for (int round = 0; round < 3; ++round) {
    std::set<CounterId> seen;
    table.pools.visit_some([&](SlotId, CounterId owner) { seen.insert(owner); });
    CHECK(seen == std::set<CounterId>{CounterId{1}, CounterId{2}});
  }
}

namespace {

// What clients see of a ban: the words of its slot.
class Banned {
  std::unique_ptr<Table> table_ = std::make_unique<Table>();

 public:
  Table& table = *table_;
  const SharedPools::Whose whose{1, "key", {0}, {}, 100};

  rg_slot* seen() {
    const std::uint64_t secret[2] = {5, 6};
    const rg_identity id = rg_identity_of(1, "key", 3, secret);
    for (std::uint32_t at = 0; at < kSlots; ++at) {
      rg_slot& slot = table.pools.slot({at});
      if (rg_slot_is(&slot, &id) && rg_is_blocked(&slot)) return &slot;
    }
    return nullptr;
  }
  static std::int64_t end_ms(const rg_slot* slot) {
    return std::max(rg_word_end_ms(slot->word[0]), rg_word_end_ms(slot->word[1]));
  }
};

}  // namespace

TEST_CASE("a ban is a word that grants nothing, in a slot that is no pool's") {
  Banned it;
  it.table.pools.ban(it.whose, 5'000, 60'000, 3'000);
  rg_slot* const slot = it.seen();
  REQUIRE(slot != nullptr);
  CHECK(rg_number_of(slot) == 100);
  CHECK(slot->word[0] == rg_word_make(5'000, 0, true));
  CHECK(slot->left == 60'000);
  CHECK(it.table.pools.used() == 0);
  const auto number = static_cast<std::uint32_t>(slot - &it.table.pools.slot({0}));
  CHECK(it.table.pools.owner({number}).is_none());

  // Not anew for next to nothing; then in the other word, and then in the first again.
  it.table.pools.ban(it.whose, 5'400, 60'000, 3'400);
  CHECK(Banned::end_ms(slot) == 5'000);
  it.table.pools.ban(it.whose, 6'000, 59'000, 4'000);
  CHECK(slot->word[0] == rg_word_make(5'000, 0, true));
  CHECK(slot->word[1] == rg_word_make(6'000, 0, true));
  it.table.pools.ban(it.whose, 7'000, 58'000, 5'000);
  CHECK(slot->word[0] == rg_word_make(7'000, 0, true));
  CHECK(it.seen() == slot);

  it.table.pools.lift_ban(it.whose);
  CHECK(it.seen() == nullptr);
  CHECK(slot->word[0] == RG_WORD_VOID);
  CHECK(slot->word[1] == RG_WORD_VOID);
}

TEST_CASE("a ban takes no pool's slot, and its own is free once it is over") {
  Banned it;
  it.table.fill();
  it.table.pools.ban(it.whose, 5'000, 0, 3'000);
  CHECK(it.seen() == nullptr);  // all slots have owners

  Banned other;
  other.table.pools.ban(other.whose, 5'000, 0, 3'000);
  REQUIRE(other.seen() != nullptr);
  for (std::uint32_t owner = 0; owner < 200; ++owner) {
    other.table.take("key" + std::to_string(owner), owner, 4'999);
  }
  REQUIRE(other.seen() != nullptr);
  CHECK(other.table.pools.used() == kSlots - 1);
  for (std::uint32_t owner = 0; owner < 200; ++owner) {
    other.table.take("key" + std::to_string(owner), owner, 5'000);
  }
  CHECK(other.seen() == nullptr);
}

TEST_CASE("what a client has written into the header is written anew for the next one") {
  Table table;
  table.pools.rules_changed();
  auto& header = *static_cast<rg_shm_header*>(table.memory.get());
  const rg_shm_header before = header;
  std::memset(&header, 0xa5, 256);
  table.pools.restore_header();
  CHECK(header.magic == before.magic);
  CHECK(header.layout_version == before.layout_version);
  CHECK(header.header_bytes == before.header_bytes);
  CHECK(header.bytes == before.bytes);
  CHECK(header.slots == before.slots);
  CHECK(header.probes == before.probes);
  CHECK(header.generation == before.generation);
  CHECK(std::equal(header.hash_seed, header.hash_seed + 4, before.hash_seed));
  CHECK(std::equal(header.digest_secret, header.digest_secret + 2, before.digest_secret));
  CHECK(header.rules == before.rules);
}
