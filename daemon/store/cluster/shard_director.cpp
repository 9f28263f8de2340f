#include "daemon/store/cluster/shard_director.hpp"

namespace rategate {

void ShardDirector::slot_moved(std::uint16_t slot, ShardId from, ShardId to, Mono seen, Mono now) {
  driver_.gate().slot_moved(slot, from, to, seen, now);
}

void ShardDirector::shard_named(ShardId shard, const HostPort& primary, Mono now) {
  driver_.link(shard).moved(scheme_ + to_text(primary), now);
}

void ShardDirector::shard_dissolved(ShardId shard, Mono now) {
  driver_.link(shard).stop(now);
  driver_.gate().store_away(shard, now);
}

void ShardDirector::ask_at(ShardId shard, Reservation reservation, Mono now) {
  driver_.link(shard).ask(std::move(reservation), now);
}

void ShardDirector::nowhere_known(Mono now) {
  driver_.gate().store_away(ClusterTopology::kNowhere, now);
}

}  // namespace rategate
