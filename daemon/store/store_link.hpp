// The way to the store: what the engine asks of it, and what it tells the engine. Redis and the
// embedded memory store are two links behind this one interface.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/base/time.hpp"
#include "daemon/limit/reservation.hpp"

namespace rategate {

// What a link tells. Never called from within StoreLink::reserve() or measure().
class StoreEvents {
 public:
  StoreEvents() = default;
  StoreEvents(const StoreEvents&) = delete;
  StoreEvents& operator=(const StoreEvents&) = delete;
  virtual ~StoreEvents() = default;

  // The connection is made and checked. `lost`: the counters are not those that were known.
  virtual void store_up(bool lost) = 0;
  // The connection was lost; what was asked and not answered is unknown. It is tried again now.
  virtual void store_connecting(std::string_view why) = 0;
  // It could not be made, or does not answer. It is tried again with a back-off.
  virtual void store_away(std::string_view why) = 0;
  // It answers, but refuses reservations (out of memory, say); then that it takes them again.
  virtual void store_refuses(std::string_view why) = 0;
  virtual void store_accepts() = 0;
  // One counter cannot be used: it holds something else.
  virtual void counter_spoilt(std::string_view why) = 0;

  // An answer carried the store's time. `first_of_primary`: forget what was measured before.
  virtual void store_time(Mono sent, Mono received, StoreTime time, bool first_of_primary) = 0;
  virtual void reserved(std::uint64_t id, const ReserveAnswer& answer) = 0;
  virtual void reserve_failed(std::uint64_t id, bool retry) = 0;
};

struct StoreStatus {
  std::string address;  // as a person would write it, without password
  std::string version;  // of the store's software; empty while unknown
  std::string run_id;
  std::string error;   // why it is away, or refuses; empty when all is well
  std::string evicts;  // the policy by which it may evict counters; empty when it does not
  std::uint64_t reconnects = 0;
};

class StoreLink {
 public:
  StoreLink() = default;
  StoreLink(const StoreLink&) = delete;
  StoreLink& operator=(const StoreLink&) = delete;
  virtual ~StoreLink() = default;

  virtual void start() = 0;
  // Both only while the store is up. Answered by events, in any order with others.
  virtual void reserve(const Reservation& reservation) = 0;
  virtual void release(const Release& release) = 0;  // no event answers it
  virtual void measure() = 0;
  // Sends what was asked since the last flush, all at once.
  virtual void flush() = 0;
  // Nothing is told after it.
  virtual void stop() = 0;
  virtual StoreStatus status() const = 0;
};

}  // namespace rategate
