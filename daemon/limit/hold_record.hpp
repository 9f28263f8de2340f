// What hosts hold of one counter of a concurrency limit, as the store keeps it, and what a host
// asks of it: daemon/store/scripts/hold.lua as types, and the same arithmetic in C++ for the memory
// store and the simulation. A test compares the two. Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/base/time.hpp"

namespace rategate {

// So many hosts may stand in one record.
inline constexpr std::size_t kMostHolders = 1024;
// Who has got less than it asked for is reckoned with for so long.
inline constexpr std::int64_t kNeedsForMs = 1000;

// "I want to hold so many." Repeating it does no harm.
struct HoldAsked {
  std::uint64_t id = 0;  // of the counter in this host; comes back with the answer
  std::string counter;   // its name in the store
  std::string host;      // who asks: hexadecimal digits
  std::int64_t sequence = 0;
  std::int64_t limit = 0;
  std::int64_t ttl_ms = 0;
  std::int64_t used = 0;    // what is entered on the host, which is counted in any case
  std::int64_t kept = 0;    // what it goes on using meanwhile, as it believes its hold is good
  std::int64_t wanted = 0;  // at least `used`
};

struct HoldAnswer {
  enum class Status : std::uint8_t {
    Holds = 0,    // it holds `held` until `until`
    Late = 1,     // a call with a sequence as high has come before it: nothing was done
    Crowded = 2,  // the record has as many hosts as it may: nothing was done
  };
  Status status = Status::Holds;
  StoreTime time;           // the store's clock when it looked
  std::int64_t held = 0;    // of Holds, as the next ones
  std::int64_t others = 0;  // what all other hosts hold
  StoreTime until;
  std::int64_t sharing = 0;  // so many others hold something, or need it
  std::int64_t least = -1;   // the least that one of them holds who needs more; -1: none does
};

class HoldRecord {
 public:
  HoldAnswer hold(const HoldAsked& asked, StoreTime now);
  // When all that it says is over: until then it is kept (ms); 0 where it says nothing.
  std::int64_t gone_ms() const;

 private:
  struct Holder {
    std::string host;
    std::int64_t held = 0;
    std::int64_t until_ms = 0;
    std::int64_t sequence = 0;
    std::int64_t gone_ms = 0;  // its sequence is remembered until then
    std::int64_t wanted = 0;
  };
  static void share(const Holder& other, std::int64_t asked_ms, std::int64_t now_ms,
                    HoldAnswer& answer);
  std::vector<Holder> holders_;
};

}  // namespace rategate
