// What Redis does with a counter, as far as rategate and the callers of the recipe can see it:
// strings with expiry, and the scripts. Written from what Redis documents; all that it has from
// the daemon is the arithmetic of a grant. tests/sim/test_redis_model.py holds it against a real
// server and the real scripts.
//
// Time comes in with each command: what TIME would say then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/limit/reservation.hpp"

namespace rategate::sim {

class RedisModel {
 public:
  // An integer, or the error's text.
  struct Number {
    std::int64_t value = 0;
    std::string error;
  };

  // Of a string; a list is none.
  std::optional<std::string> get(const std::string& key, std::int64_t now_us);
  // expire_in_ms 0: none, and what there was is gone.
  void set(const std::string& key, std::string value, std::int64_t expire_in_ms,
           std::int64_t now_us);
  Number incr_by(const std::string& key, std::int64_t by, std::int64_t now_us);
  // Whether the key is there. A moment that is not to come deletes it.
  bool expire_at(const std::string& key, std::int64_t at_ms, std::int64_t now_us);
  // ms, -1 where it does not expire, -2 where there is no key.
  std::int64_t pttl(const std::string& key, std::int64_t now_us);
  bool del(const std::string& key, std::int64_t now_us);
  // One more in a list, which is all that is known of one; how many there are now.
  Number push(const std::string& key, std::int64_t now_us);
  bool holds_list(const std::string& key, std::int64_t now_us);

  ReserveAnswer reserve(const Reservation& request, std::int64_t now_us);
  // What was taken off.
  std::int64_t release(const Release& release, std::int64_t now_us);
  // What clear.lua answers; nothing where that is an error.
  std::optional<ClearAnswer> clear(const Clear& clear, std::int64_t now_us);
  // What the last reservation gave back to a bucket.
  std::int64_t came_back() const { return came_back_; }

  // What the counter holds afterwards, or Refused; `token`: of the record.
  ReserveAnswer recount(const Recount& request, const std::string& token, std::int64_t now_us);

  // What scripts/reign.lua is told: the store's replid, the record that the host knew, and the
  // token of a new one.
  struct Greets {
    std::string replid;
    std::string knew;
    std::string token;
    bool promoted = false;  // the store was a replica, as INFO tells
  };
  // The record that it answers. Nothing where it has to be written and cannot.
  std::optional<std::string> reign(const std::string& key, const Greets& greets, bool writable,
                                   std::int64_t now_us);

  void forget_all() { entries_.clear(); }
  // That there are, in no order.
  std::vector<std::string> keys(std::int64_t now_us) const;
  // Whether a key expires within so many ms of now, before or after.
  bool edge_within(std::int64_t ms, std::int64_t now_us) const;

 private:
  struct Entry {
    std::string value;
    std::int64_t expires_ms = -1;
    std::int64_t in_list = 0;  // how many; 0: it is a string
  };
  std::int64_t charge(const Release& release, bool held, std::optional<double> counter,
                      std::int64_t now_us);
  ReserveAnswer take(const Reservation& request, std::int64_t now_us);
  ReserveAnswer take_from_bucket(const Reservation& request, std::int64_t now_us);
  // Null when there is none, or it has expired.
  Entry* find(const std::string& key, std::int64_t now_us);

  std::unordered_map<std::string, Entry> entries_;
  std::int64_t came_back_ = 0;
};

}  // namespace rategate::sim
