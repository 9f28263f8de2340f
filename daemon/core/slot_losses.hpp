// What the slots of a Redis Cluster take along when they go to another shard: what the shards that
// they have left had lost of their counters, and may have lost without this host knowing of it yet.
// Other slots of the shard that gets them are not concerned. What is on its way is in both shards,
// as far as a host knows. Where a slot was between two looks at the map this host does not know: it
// may have been in any shard. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/core/ids.hpp"
#include "daemon/core/lost_counters.hpp"
#include "daemon/core/lost_windows.hpp"
#include "daemon/core/store_clock.hpp"

namespace rategate {

class SlotLosses {
 public:
  struct Left {
    ShardId from;
    Mono seen;  // there, last
    Mono at;    // when it was seen elsewhere, or nowhere
  };

  // A shard that is connected to knows of its losses long before that, and all hosts have told it
  // what they know, wherever the slot was meanwhile.
  static constexpr std::int64_t kLatelyUs = 60'000'000;
  // From a promotion to the moment that the store tells of it, when some host has greeted the new
  // primary: far longer than that takes.
  static constexpr std::int64_t kGreetedByUs = 10'000'000;

  // The slot has left that shard, where it was seen last at `seen`. `here`: by the clock of the
  // shard that has it now, where that can be read.
  void left(std::uint16_t slot, ShardId from, Mono seen, const std::optional<ClockReading>& here,
            Mono now);
  // The shard that it has left last, where it has left any.
  std::optional<Left> last_left(std::uint16_t slot) const;
  // It was in a shard that has lost that much, or may have been. `there`: by the clock of that one.
  // `unseen`: lost since this host has seen the slot last, so that nobody may have told anything.
  void add(std::uint16_t slot, const LostWindows& lost, const std::optional<ClockReading>& there,
           bool unseen);
  // Whether there may be something left to tell of it, by that shard's clock.
  bool may_be_untold(std::uint16_t slot, const ClockReading& here) const {
    return is_untold(lost(slot), here);
  }
  // What that shard has lost of windows that had begun by then nobody knows before it is greeted.
  void doubt(std::uint16_t slot, ShardId of, StoreTime through, Mono now);
  void greeted(ShardId of);
  // A loss of that shard is heard of, which came at `at`; kNever: that is not known.
  void heard(ShardId of, const LostWindows& lost, Mono at, const ClockReading& there, Mono now);
  // On its way to that shard, which has lost that much: a counter of it is asked for there.
  // `there`: by the clock of that one. Whether hosts may still have to tell what they know of that.
  bool led(std::uint16_t slot, ShardId to, const LostWindows& lost,
           const std::optional<ClockReading>& there, Mono now);
  // It has come to a shard that has lost that much of all its counters. Some of them may have been
  // there by then, and nobody told it what he knows of them.
  void came(std::uint16_t slot, const LostWindows& lost, const ClockReading& here);
  // Whether such a loss concerns the slot, which has left the shard, may have been in it, or is on
  // its way there.
  bool concerns(std::uint16_t slot, ShardId of, Mono at, Mono now) const;
  // The slot is on its way from a shard that has lost that much. Before it is there nobody can tell
  // anything of counters that are neither here nor there.
  void on_its_way(std::uint16_t slot, const LostWindows& lost, const ClockReading& there);

  // Whether there may be anything that the window is concerned by: what each check asks first.
  bool may_concern(const Window& window, std::int64_t lead_us) const {
    return window.start_ms * 1000 <= newest_us_ + lead_us;
  }
  LostThrough lost(std::uint16_t slot) const;
  bool is_doubted(std::uint16_t slot, const Window& window, std::int64_t lead_us, Mono now) const;
  // So many shards it is in doubt about.
  std::size_t doubts(std::uint16_t slot) const;

 private:
  struct Doubt {
    ShardId of;
    StoreTime through;
    Mono until;
  };
  struct Led {
    ShardId to;
    Mono at;
  };
  struct Slot {
    LostThrough lost;           // by any shard's clock: what those may be apart is in it
    std::vector<Left> left;     // lately, of each shard once
    std::optional<Led> led;     // lately: a slot is on its way to one shard only
    std::vector<Doubt> doubts;  // of each shard one at most
  };
  // Null where nothing is known of it.
  const Slot* find(std::uint16_t slot) const {
    const auto found = slots_.find(slot);
    return found == slots_.end() ? nullptr : &found->second;
  }
  static bool is_untold(const LostThrough& lost, const ClockReading& here) {
    return here.latest.us < lost.told_by_us + kLatelyUs;
  }
  static bool is_concerned(const Left& left, ShardId of, Mono lost_at, Mono now);
  static void put_off(Slot& slot, const ClockReading& there);
  void reaches(std::int64_t us);

  std::unordered_map<std::uint16_t, Slot> slots_;
  std::int64_t newest_us_ = INT64_MIN / 2;  // no window that began later is concerned
};

// What is lost beside the windows of whole shards.
struct Losses {
  SlotLosses slots;
  LostCounters counters;
};

}  // namespace rategate
