#include "daemon/io/loop/engine.hpp"

#include <sys/random.h>

#include <utility>

#include "daemon/io/loop/memory_link.hpp"
#include "daemon/io/redis/redis_link.hpp"

namespace rategate {
namespace {

constexpr std::int64_t kSpoiltEveryUs = 10'000'000;

Gate::Options gate_options(const FixedConfig& config) {
  Gate::Options options;
  options.command_timeout_us = config.redis.command_timeout_ms * 1000;
  options.clock.max_error_us = config.clock.max_error_us;
  options.clock.max_drift_ppm = config.clock.max_drift_ppm;
  // Never blocks once the machine has booted; without it the hash is merely not seeded.
  if (getrandom(&options.seed, sizeof options.seed, 0) < 0) options.seed = {};
  options.jitter_seed = options.seed.k0 ^ static_cast<std::uint64_t>(mono_now_ns());
  return options;
}

}  // namespace

Engine::Engine(uv_loop_t* loop, const FixedConfig& config, Log& log)
    : log_(log),
      segment_(make_segment(loop, config, log, this)),
      gate_(gate_options(config), segment_ == nullptr ? nullptr : &segment_->pools()),
      alarm_(loop, [] {}) {
  uv_prepare_init(loop, prepare_.get());
  prepare_.opened(this);
  StoreEvents& events = *this;
  if (config.store == StoreKind::Memory) {
    link_ = std::make_unique<MemoryLink>(events);
  } else {
    link_ = std::make_unique<RedisLink>(loop, config.redis, events);
  }
  host_ = link_->status().address;
}

std::unique_ptr<Segment> Engine::make_segment(uv_loop_t* loop, const FixedConfig& config, Log& log,
                                              Engine* self) {
  if (!config.shm.enabled) return nullptr;
  // The nudge wakes the loop, and the pump comes with each wake.
  auto segment = Segment::make(loop, config.shm.slots, [self](std::uint32_t slot) {
    if (!self->stopped_) self->gate_.nudged(slot, mono_now());
  });
  if (segment) return std::move(*segment);
  log.event(LogLevel::Warning, "shm_off", "there is no shared memory: checks go over the socket",
            {{"why", segment.error()}});
  return nullptr;
}

Engine::~Engine() { link_->stop(); }

void Engine::start(Listener listener) {
  listener_ = std::move(listener);
  // The alarm only has to wake the loop: the turn comes with each wake.
  uv_prepare_start(prepare_.get(), [](uv_prepare_t* prepare) {
    if (prepare->data != nullptr) static_cast<Engine*>(prepare->data)->pump();
  });
  link_->start();
}

void Engine::stop() {
  if (std::exchange(stopped_, true)) return;
  gate_.stop();
  hand_out();
  take_releases();
  link_->flush();
  link_->stop();
}

CheckResult Engine::check(const LimitUsePtr& limit, std::string_view key, std::int64_t cost,
                          std::uint64_t ticket, Mono now) {
  return gate_.check(limit, key, cost, ticket, now);
}

void Engine::drop_limits() { gate_.drop_limits(mono_now()); }

void Engine::take_releases() {
  for (const Release& release : gate_.releases()) link_->release(release);
  gate_.releases().clear();
}

void Engine::sweep() { gate_.sweep(mono_now()); }

std::optional<ClockReading> Engine::clock() const { return gate_.clock().read(mono_now()); }

std::string_view Engine::store_state() const {
  switch (gate_.store()) {
    case StoreHealth::Connecting:
      return "connecting";
    case StoreHealth::Up:
      return refusing_ ? "refusing" : "up";
    case StoreHealth::Away:
      return "away";
  }
  return {};
}

void Engine::pump() {
  if (stopped_) return;
  // The memory store answers as it is flushed, and its answers may lead to more.
  do {
    gate_.turn(mono_now());
    reservations_.swap(gate_.reservations());
    for (const Reservation& reservation : reservations_) link_->reserve(reservation);
    reservations_.clear();
    take_releases();
    if (gate_.take_measure_wanted()) link_->measure();
    link_->flush();
    hand_out();
  } while (gate_.next_turn() <= mono_now());
  alarm_.set(gate_.next_turn());
}

void Engine::hand_out() {
  if (gate_.answers().empty()) return;
  answers_.swap(gate_.answers());
  for (const Answer& answer : answers_) listener_.answered(answer);
  answers_.clear();
  listener_.answers_done();
}

// ---- The store's events -------------------------------------------------------------------

void Engine::store_up(bool lost) {
  const bool first = !settled_;
  settled_ = true;
  if (lost) gate_.lose_open_windows(mono_now());
  gate_.store_up();
  const StoreStatus status = link_->status();
  if (first || was_away_) {
    if (status.run_id.empty()) {
      log_.event(LogLevel::Info, "store_up", "the store answers", {{"store", host_}});
    } else {
      log_.event(LogLevel::Info, "store_up", "the store answers",
                 {{"store", host_}, {"version", status.version}, {"run_id", status.run_id}});
    }
  }
  if (lost) {
    log_.event(LogLevel::Warning, "windows_lost",
               "the store was restarted or replaced, its counters may be lost: the windows that "
               "are open now are denied to their end",
               {{"store", host_}, {"run_id", status.run_id}});
  }
  if (!status.evicts.empty()) {
    log_.event(LogLevel::Warning, "store_evicts",
               "the store may evict counters, and would then admit too much; set maxmemory-policy "
               "to noeviction",
               {{"store", host_}, {"maxmemory_policy", status.evicts}});
  }
  was_away_ = false;
  listener_.store_changed();
}

void Engine::store_connecting(std::string_view why) {
  log_.event(LogLevel::Debug, "store_connecting", "the connection to the store was lost",
             {{"store", host_}, {"why", why}});
  gate_.store_connecting();
}

void Engine::store_away(std::string_view why) {
  gate_.store_away(mono_now());
  const bool first = !std::exchange(was_away_, true);
  settled_ = true;
  if (first) {
    log_.event(LogLevel::Warning, "store_away",
               "the store is away; checks are answered by on_store_down",
               {{"store", host_}, {"why", why}});
  }
  hand_out();
  listener_.store_changed();
}

void Engine::store_refuses(std::string_view why) {
  refusing_ = true;
  log_.event(LogLevel::Warning, "store_refuses",
             "the store refuses reservations; checks are answered by on_store_down",
             {{"store", host_}, {"why", why}});
  listener_.store_changed();
}

void Engine::store_accepts() {
  refusing_ = false;
  log_.event(LogLevel::Info, "store_accepts", "the store takes reservations again",
             {{"store", host_}});
  listener_.store_changed();
}

void Engine::counter_spoilt(std::string_view why) {
  const Mono now = mono_now();
  if (now < after(spoilt_said_, kSpoiltEveryUs)) return;
  spoilt_said_ = now;
  log_.event(LogLevel::Warning, "counter_spoilt",
             "a counter cannot be used; its checks are answered by on_store_down",
             {{"store", host_}, {"why", why}});
}

void Engine::store_time(Mono sent, Mono received, StoreTime time, bool first_of_primary) {
  if (first_of_primary) gate_.store_replaced();
  const std::int64_t before = gate_.clock().offset_us();
  if (gate_.measured(sent, received, time) == StoreClock::Measured::Contradicted) {
    log_.event(LogLevel::Warning, "clock_stepped",
               "the store's clock and this host's have moved against each other more than drift "
               "explains",
               {{"store", host_}, {"by_us", gate_.clock().offset_us() - before}});
  }
  const auto reading = gate_.clock().read(received);
  if (!reading) return;
  const bool trusted = gate_.clock().trusts(*reading);
  if (trusted == std::exchange(clock_trusted_, trusted)) return;
  if (trusted) {
    log_.event(LogLevel::Info, "clock_trusted", "the store's time is known well enough again",
               {{"store", host_}, {"error_us", reading->error_us()}});
  } else {
    log_.event(LogLevel::Warning, "clock_not_trusted",
               "the store's time is not known well enough; checks are denied with reason 4",
               {{"store", host_},
                {"error_us", reading->error_us()},
                {"max_error_us", gate_.clock().options().max_error_us}});
  }
  listener_.store_changed();
}

void Engine::reserved(std::uint64_t id, const ReserveAnswer& answer) {
  gate_.answered(id, answer, mono_now());
}

void Engine::reserve_failed(std::uint64_t id, bool retry) { gate_.failed(id, retry, mono_now()); }

}  // namespace rategate
