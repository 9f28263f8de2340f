// Who has entered and not left, of all counters of this host: found by ticket, by the connection
// that they belong to, and in the order in which their time is over. One that lasts for a time
// belongs to its connection until its client was told the ticket: nobody else could leave by it.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "daemon/base/time.hpp"
#include "daemon/core/sip_hash.hpp"

namespace rategate {

struct Entry {
  std::uint64_t counter = 0;  // its number
  std::int64_t cost = 1;
  std::uint32_t flow = 0;   // the connection that entered
  std::int64_t for_us = 0;  // not 0: once told it belongs to no connection, and lasts so long
  Mono until = kNever;
};

class Entries {
 public:
  // Tickets are of 53 bits, which nobody can guess who does not know the seed.
  explicit Entries(const HashSeed& seed) : seed_(seed) {}

  // Its ticket. `now` where it lasts for a time.
  std::uint64_t add(Entry entry, Mono now);
  const Entry* find(std::uint64_t ticket) const;
  // It lasts as long again from now; it lasts for a time.
  void renew(std::uint64_t ticket, Mono now);
  // What it was.
  Entry remove(std::uint64_t ticket);
  // Those of the connection that last for a time: their tickets are told.
  void told(std::uint32_t flow) { untold_.erase(flow); }
  bool has_any(std::uint32_t flow) const {
    return by_flow_.contains(flow) || untold_.contains(flow);
  }
  // One that belongs to the connection; 0: there is none.
  std::uint64_t any_of(std::uint32_t flow) const;
  // One whose time is over; 0: there is none.
  std::uint64_t any_over(Mono now) const;
  Mono next_over() const { return by_time_.empty() ? kNever : by_time_.begin()->first; }
  std::size_t size() const { return entries_.size(); }

 private:
  HashSeed seed_;
  std::uint64_t number_ = 0;
  using Flows = std::unordered_map<std::uint32_t, std::unordered_set<std::uint64_t>>;

  std::unordered_map<std::uint64_t, Entry> entries_;
  Flows by_flow_;
  Flows untold_;  // of those that last for a time
  std::set<std::pair<Mono, std::uint64_t>> by_time_;
};

}  // namespace rategate
