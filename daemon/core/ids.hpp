// The numbers that the gate's parts name things by. Each is a type of its own: a counter's number
// does not fit where the number of a place in shared memory is wanted.
#pragma once

#include <cstdint>

#include "daemon/base/id.hpp"

namespace rategate {

struct Counter;
struct Line;
struct Schedule;
struct Waiter;
struct Shard;
struct SharedSlot;

using CounterId = Id<Counter>;
using LineId = Id<Line>;
using ScheduleId = Id<Schedule>;
// A waiter's place; places are used again (WaiterId names a waiter for good).
using WaiterPlace = Id<Waiter>;
// A primary of the store. A single Redis is shard 0.
using ShardId = Id<Shard, std::uint16_t>;
// A place in the shared segment.
using SlotId = Id<SharedSlot>;

}  // namespace rategate
