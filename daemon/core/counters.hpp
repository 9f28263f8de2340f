// The counters that this host knows of, found by (limit, key): their pools and the lines of checks
// before them. Slots stay where they are and are reused; how many are remembered is bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "daemon/core/limit_table.hpp"
#include "daemon/core/pool.hpp"
#include "daemon/core/reservation.hpp"
#include "daemon/core/sip_hash.hpp"
#include "daemon/core/waiters.hpp"

namespace rategate {

struct Counter {
  LimitUsePtr use;
  std::string key;
  Pool pool;
  Waiters::Line due;              // not asked for yet
  Waiters::Line asked;            // part of the reservation under way
  std::uint64_t reservation = 0;  // its id; 0: none is under way
  Reservation request;            // what was asked
  bool listed = false;            // the gate will come back to it by itself
  std::uint8_t measurements = 0;  // made for those that wait, and not good enough
  bool live = false;

  bool idle() const { return live && !listed && reservation == 0 && due.empty(); }
};

class Counters {
 public:
  explicit Counters(const HashSeed& seed) : seed_(seed), index_(16, Hash{this}, Equal{this}) {}
  Counters(const Counters&) = delete;  // its index points at it
  Counters& operator=(const Counters&) = delete;

  // The counter's slot, a new one if need be. `is_over` tells of an idle counter whether its
  // window is over: for each new one two others are looked at, and forgotten where it is, so that
  // what is forgotten keeps up with what is new.
  using IsOver = std::function<bool(const Counter&)>;
  std::uint32_t find_or_add(const LimitUsePtr& use, std::string_view key, const IsOver& is_over);
  // Looks at all of them.
  void sweep(const IsOver& is_over);

  Counter& operator[](std::uint32_t slot) { return slots_[slot]; }
  // Slots there are, free ones included.
  std::uint32_t slots() const { return static_cast<std::uint32_t>(slots_.size()); }
  std::size_t size() const { return index_.size(); }

 private:
  struct Ref {
    const LimitUse* use;
    std::string_view key;
  };
  struct Hash {
    using is_transparent = void;
    const Counters* counters;
    std::size_t operator()(std::uint32_t slot) const;
    std::size_t operator()(const Ref& ref) const;
  };
  struct Equal {
    using is_transparent = void;
    const Counters* counters;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
    bool operator()(const Ref& ref, std::uint32_t slot) const;
    bool operator()(std::uint32_t slot, const Ref& ref) const { return (*this)(ref, slot); }
  };

  void forget_if(std::uint32_t slot, const IsOver& is_over);

  HashSeed seed_;
  std::deque<Counter> slots_;
  std::vector<std::uint32_t> free_;
  std::unordered_set<std::uint32_t, Hash, Equal> index_;
  std::uint32_t sweep_at_ = 0;
};

}  // namespace rategate
