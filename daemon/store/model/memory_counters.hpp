// The counters of `store = "memory"`: what daemon/store/scripts/reserve.lua, release.lua and
// clear.lua do in Redis, for one host and without Redis.
//
// Whoever asks chooses how many counters there are, so their number and the bytes of their names
// are bounded: beyond that a new counter is refused, and those that are there count on. Nothing is
// done for all of them at once. For each new one a few others are looked at, and forgotten where
// they have expired; and what finds them is many small tables, of which one grows at a time. Not
// thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "daemon/base/slab.hpp"
#include "daemon/core/counter_index.hpp"
#include "daemon/core/sip_hash.hpp"
#include "daemon/limit/reservation.hpp"

namespace rategate {

class MemoryCounters {
 public:
  struct Bounds {
    std::size_t counters = 1'000'000;
    std::size_t name_bytes = std::size_t{256} << 20;
  };
  // The most that one call looks at to forget them.
  static constexpr std::size_t kMostLooks = 64;

  MemoryCounters() : MemoryCounters(HashSeed{}, Bounds{}) {}
  explicit MemoryCounters(const HashSeed& seed) : MemoryCounters(seed, Bounds{}) {}
  MemoryCounters(const HashSeed& seed, const Bounds& bounds) : seed_(seed), bounds_(bounds) {}

  // Refused where the counter is a new one and there is no room for it, or for its block.
  ReserveAnswer reserve(const Reservation& request, StoreTime now);
  // What was taken off: all, or none where the counter is gone or holds fewer.
  std::int64_t release(const Release& release, StoreTime now);
  // What it held; or its mark, where that is only asked for.
  ClearAnswer clear(const Clear& clear, StoreTime now);
  // Those that have expired and are not forgotten yet included.
  std::size_t size() const { return size_; }

 private:
  struct Counter {
    std::string name;
    std::int64_t value = 0;
    std::unique_ptr<Bucket> bucket{};  // in place of the value
    std::int64_t expire_at_ms = 0;     // it lives through this millisecond, as in Redis
    bool live = false;                 // the slab has given it out
  };
  struct Hash {
    std::size_t table;
    std::uint32_t within;
  };

  static void reserve_in_window(Counter& counter, const Reservation& request,
                                ReserveAnswer& answer);
  static void reserve_in_bucket(Counter& counter, const BucketAsked& asked,
                                const Reservation& request, ReserveAnswer& answer);
  ReserveAnswer take(const Reservation& request, StoreTime now);
  // Until when the block stands, or 0; lifted where that is asked for.
  std::int64_t blocked_until_ms(const BlockAsked& block, std::int64_t now_ms);
  bool set_block(const BlockAsked& block, std::int64_t now_ms);
  std::int64_t mark_of(CounterId id) const;
  Hash hash(std::string_view name) const;
  CounterId find(const Hash& hash, std::string_view name) const;
  CounterId add(const Hash& hash, const std::string& name, std::int64_t now_ms);
  bool has_room(std::string_view name) const;
  void forget_expired(std::size_t looks, std::int64_t now_ms);

  HashSeed seed_;
  Bounds bounds_;
  Slab<Counter, CounterId> counters_;
  std::unordered_map<std::uint32_t, std::int64_t> marks_;  // of those that were cleared
  std::array<CounterIndex, 256> tables_;
  std::size_t size_ = 0;
  std::size_t name_bytes_ = 0;
  CounterId look_at_{0};
};

}  // namespace rategate
