// The daemon's side of the shared segment: the table of slots and the book of who owns them. What
// stands in the segment may have been written by anybody, so nothing of it is believed: only words
// are read, and those are judged by whoever put permits there (Pool).
//
// docs/shared-memory.md has the bytes and the interleavings. The memory comes from outside. One
// thread uses this object; any number of processes use the memory.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/core/ids.hpp"
#include "daemon/limit/limit_use.hpp"
#include "shm/identity.h"
#include "shm/layout.h"

namespace rategate {

class SharedPools {
 public:
  struct Secrets {
    std::uint64_t generation = 1;  // below 2^63, another for each segment
    std::array<std::uint64_t, 4> hash_seed{};
    std::array<std::uint64_t, 2> digest_secret{};
  };

  // `memory` is rg_shm_bytes(slots) zeros at an address that 64 divides, and outlives this.
  // `slots` is a power of two, RG_SHM_MIN_SLOTS to RG_SHM_MAX_SLOTS.
  SharedPools(void* memory, std::uint32_t slots, const Secrets& secrets);

  // Whose pool is looked for a slot.
  struct Whose {
    std::uint64_t rule = 0;
    std::string_view key;
    ShardId clock;  // by which its windows are: below kClocks
    CounterId owner;
    std::int64_t permits = 1;  // that the key has in a period, 0 to kMaxPermits
  };
  static constexpr std::uint16_t kClocks = RG_SHM_CLOCKS;
  // A slot for it, its words void, or none when all that it may have are in use. Slots whose
  // windows ended by `over_ms` may be taken from their owner, who is told before by `evict(owner)`,
  // and must let go of its slot.
  using Evict = std::function<void(CounterId owner)>;
  SlotId take(const Whose& whose, std::int64_t over_ms, const Evict& evict);
  // Its owner needs it no more. Both words become void, and it is nobody's, so that clients look
  // for the pool elsewhere; it is used again once its windows are over.
  void give_back(SlotId slot);

  // The key, which has no pool, is blocked until then, and for rest_ms more. Clients deny by that
  // themselves until it ends. Shown where it finds a slot whose windows ended by `over_ms`, and
  // that has no owner. Of a key that is blocked for good: 0 permits.
  void ban(const Whose& whose, std::int64_t end_ms, std::uint32_t rest_ms, std::int64_t over_ms);
  // It is not blocked any more.
  void lift_ban(const Whose& whose);

  rg_slot& slot(SlotId id) { return slots_[id.value]; }
  // None for a number that no slot has, too: clients send them.
  CounterId owner(SlotId id) const;
  // Calls visit(slot, owner) for slots that have an owner, in turn from where the last call ended:
  // at most kMostVisited of them, and not beyond kMostPassed slots, so that it takes no time to
  // speak of.
  template <class Visit>
  void visit_some(const Visit& visit) {
    std::uint32_t visited = 0;
    std::uint32_t seen = 0;
    for (std::uint32_t steps = 0; seen < slots() && steps < kMostPassed && visited < kMostVisited;
         ++steps) {
      const bool empty = book_[next_visit_ / kPage] == nullptr;
      const SlotId id{next_visit_};
      const CounterId owning = owner(id);
      const std::uint32_t passed = empty ? kPage - next_visit_ % kPage : 1;
      seen += passed;
      next_visit_ = (next_visit_ + passed) & mask_;
      if (owning.is_none()) continue;
      ++visited;
      visit(id, owning);
    }
  }
  static constexpr std::uint32_t kMostVisited = 1024;
  static constexpr std::uint32_t kMostPassed = 65'536;

  // To be asked of each window before it is published in a word: false where that must not be,
  // because one that ends as late was there before.
  [[nodiscard]] bool will_publish(SlotId slot, int parity, std::int64_t end_ms);
  // So many permits clients were seen to have spent of the word's window, and have not put back.
  // Saturates at RG_WORD_MAX_PERMITS, which is more than anybody can put back at once.
  std::int64_t spent_of(SlotId slot, int parity) { return entry(slot).spent[parity]; }
  // They spent so many more of it; negative: so many came back.
  void note_spent(SlotId slot, int parity, std::int64_t permits);
  // The word is void, and its window given up: nothing comes back to it.
  void forget_spent(SlotId slot, int parity) { entry(slot).spent[parity] = 0; }

  // So much is CLOCK_MONOTONIC, which clients read because it has a coarse sister that takes a
  // quarter of the time, behind the daemon's clock: as long as the host was suspended. It counts
  // for the clocks that are set from then on.
  void set_clients_behind(std::int64_t ns) { clients_behind_ns_ = ns; }
  // A shard's clock for the clients. `until`: the error is above its bound from then on.
  void set_clock(ShardId shard, std::int64_t offset_us, std::int64_t error_us, Mono measured,
                 std::int64_t max_drift_ppm, Mono until);
  void forget_clock(ShardId shard);
  // Limits were changed or dropped: clients resolve theirs anew.
  void rules_changed();
  // Writes what is written once, and the number of the rules: a client may have written there.
  void restore_header();

  std::uint32_t slots() const { return mask_ + 1; }
  std::uint32_t used() const { return used_; }
  std::uint64_t generation() const { return generation_; }
  std::size_t bytes() const { return rg_shm_bytes(slots()); }

 private:
  struct Entry {
    CounterId owner;
    std::int64_t last_end_ms[2] = {0, 0};  // of each word, ever
    std::int32_t spent[2] = {0, 0};        // of each word: see spent_of()
  };
  static constexpr std::uint32_t kPage = 256;
  using Page = std::array<Entry, kPage>;

  // A moment of the daemon's clock as clients read it.
  std::int64_t clients_ns(Mono at) const { return at.us * 1000 - clients_behind_ns_; }
  void write_clock(ShardId shard, const rg_shm_clock& record);
  Entry& entry(SlotId slot);
  void hand_over(SlotId slot, const rg_identity& identity);
  // What stands in a slot that is somebody's, and where it may be.
  struct Place {
    rg_identity identity;
    std::uint32_t home;  // the first slot that it may be, before it is brought into their number
  };
  Place place_of(const Whose& whose) const;
  Place place_of_ban(const Whose& whose) const;
  SlotId find_ban(const Place& place);

  rg_shm_header* header_;
  rg_slot* slots_;
  std::uint32_t mask_;
  std::uint64_t generation_;
  std::array<std::uint64_t, 4> hash_seed_;  // its own copies: the header may be overwritten
  std::array<std::uint64_t, 2> digest_secret_;
  std::array<std::uint64_t, kClocks> clock_sequences_{};
  std::int64_t clients_behind_ns_ = 0;
  std::int64_t rules_ = 0;
  std::uint32_t used_ = 0;
  std::uint32_t next_visit_ = 0;             // a slot
  std::vector<std::unique_ptr<Page>> book_;  // pages are made when first used
};

// How clients are to read the words of a limit's pools.
struct SharedWords {
  rg_rule_kind kind;
  std::int64_t burst;       // permits that may be spent at once
  std::int64_t longest_ms;  // no word of it ends later than that from now
};
SharedWords shared_words_of(const LimitUse& use);

// Where counters are whose slot is in no shard: what is there has no clock, and nobody is asked.
constexpr bool is_nowhere(ShardId shard) { return shard.value >= SharedPools::kClocks; }

}  // namespace rategate
