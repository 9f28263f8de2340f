// What the link to one shard of a Redis Cluster asks of whoever keeps the map. Not thread-safe.
#pragma once

#include <string>

#include "daemon/base/time.hpp"
#include "daemon/limit/reservation.hpp"
#include "daemon/store/cluster/redirect.hpp"

namespace rategate {

class ShardGuide {
 public:
  ShardGuide() = default;
  ShardGuide(const ShardGuide&) = delete;
  ShardGuide& operator=(const ShardGuide&) = delete;
  virtual ~ShardGuide() = default;

  // The key of the record of its reign, in a slot that is the shard's now.
  virtual std::string record_key() const = 0;
  // Whether the slot of the hosts' count is the shard's now.
  virtual bool has_host_count() const = 0;
  // A call was refused by MOVED. Whether it is known by now where it goes, another shard: else it
  // is to be asked again a little later.
  virtual bool moved(const Redirect& redirect, Mono now) = 0;
  // Something is elsewhere than the map says, which is to be asked for.
  virtual void map_is_old(Mono now) = 0;
  // One reservation was refused by ASK. Whether it is asked for elsewhere; nothing is told before
  // this has returned.
  virtual bool ask_elsewhere(const Redirect& redirect, const Reservation& reservation,
                             Mono now) = 0;
};

}  // namespace rategate
