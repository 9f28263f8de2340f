// Drives the gate: takes its reservations to the store and the store's answers to it, wakes it
// when its next moment has come, and hands its decisions to whoever asked. Once per turn of the
// loop, right before it waits for events.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>

#include "daemon/config/config.hpp"
#include "daemon/core/gate.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/alarm.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/shm/segment.hpp"
#include "daemon/store/store_link.hpp"

namespace rategate {

class Engine final : private StoreEvents {
 public:
  // Told of each answer, and of each change of the store's state.
  struct Listener {
    std::function<void(const Answer&)> answered;
    std::function<void()> answers_done;  // after a batch of them
    std::function<void()> store_changed;
  };

  Engine(uv_loop_t* loop, const FixedConfig& config, Log& log);
  ~Engine() override;

  void start(Listener listener);
  // Every waiting check is answered `Stopping` now; the store is let go.
  void stop();

  std::int64_t repeat(const LimitUsePtr& limit, std::string_view key, std::int64_t cost,
                      const Decision& decided, std::int64_t count, Mono now) {
    return gate_.repeat(limit, key, cost, decided, count, now);
  }
  CheckResult check(const LimitUsePtr& limit, std::string_view key, std::int64_t cost,
                    std::uint64_t ticket, Mono now);
  // Null when shared memory is off.
  Segment* segment() const { return segment_.get(); }
  void share() { gate_.share(); }
  // After limits were changed: what was held for those that are gone is given up.
  void drop_limits();
  // So that what is told is as of now.
  void look_at_pools() { gate_.look_at_pools(mono_now()); }
  void abandon(WaiterId waiter) { gate_.abandon(waiter); }
  void sweep();

  const Gate& gate() const { return gate_; }
  StoreStatus store_status() const { return link_->status(); }
  // "up", "connecting", "away" or "refusing".
  std::string_view store_state() const;
  std::optional<ClockReading> clock() const;
  bool clock_trusted() const { return clock_trusted_; }  // as of the last measurement
  // The store has answered once, or it is known that it does not.
  bool settled() const { return settled_; }

 private:
  void store_up(bool lost) override;
  void store_connecting(std::string_view why) override;
  void store_away(std::string_view why) override;
  void store_refuses(std::string_view why) override;
  void store_accepts() override;
  void counter_spoilt(std::string_view why) override;
  void store_time(Mono sent, Mono received, StoreTime time, bool first_of_primary) override;
  void reserved(std::uint64_t id, const ReserveAnswer& answer) override;
  void reserve_failed(std::uint64_t id, bool retry) override;

  void pump();
  void hand_out();

  static std::unique_ptr<Segment> make_segment(uv_loop_t* loop, const FixedConfig& config, Log& log,
                                               Engine* self);
  void take_releases();

  Log& log_;
  Listener listener_;
  std::unique_ptr<Segment> segment_;
  Gate gate_;
  UvHandle<uv_prepare_t> prepare_;
  Alarm alarm_;
  std::unique_ptr<StoreLink> link_;
  std::vector<Answer> answers_;
  std::vector<Reservation> reservations_;
  std::string host_;  // the store's address, for the log
  bool settled_ = false;
  bool refusing_ = false;
  bool clock_trusted_ = true;
  bool was_away_ = false;
  bool stopped_ = false;
  Mono spoilt_said_{INT64_MIN};
};

}  // namespace rategate
