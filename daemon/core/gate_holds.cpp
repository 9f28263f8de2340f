// What the gate's keeper of holds is told: docs/concurrency.md.
#include <algorithm>
#include <string>

#include "daemon/core/gate.hpp"

namespace rategate {

HoldKeeper::Options Gate::hold_options() const {
  HoldKeeper::Options holds;
  holds.command_timeout_us = options_.command_timeout_us;
  holds.most_waiting = options_.max_parked;
  holds.most_waiting_per_counter = options_.max_parked_per_key;
  holds.skew_us = options_.skew_us;
  holds.seed = options_.seed;
  holds.host = sip_hash(options_.seed, std::to_string(options_.jitter_seed));
  holds.shard_of = options_.shard_of;
  return holds;
}

// What was held at the loss; where another may have been the primary for a while longer, then.
void Gate::lose_holds(const Loss& loss, const ClockReading& reading, Mono now) {
  const std::int64_t since_us =
      loss.through >= reading.earliest ? 0 : reading.earliest.us - loss.through.us;
  holds_.store_lost(after(Mono{now.us - since_us}, loss.margin_us));
}

}  // namespace rategate
