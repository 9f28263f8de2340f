#include "tests/sim/flight.hpp"

#include <algorithm>
#include <utility>

namespace rategate::sim {
namespace {

constexpr std::int64_t kStartUs = 1'700'000'000'000'000;
constexpr std::int64_t kTimeoutUs = 100'000;

Limit limit_of(std::int64_t slots, std::int64_t ttl_ms) {
  Limit limit;
  limit.name = "flight";
  limit.permits = slots;
  limit.period_ms = ttl_ms;
  limit.algorithm = &kConcurrency;
  limit.redis_key = *KeyTemplate::parse(kHoldRedisKey);
  return limit;
}

}  // namespace

Flight::Flight(std::uint64_t seed) : events_(kStartUs), random_(seed) {
  limit_ = random_.any_size(2, 24);
  ttl_ms_ = random_.between(1000, 3000);
  calm_us_ = kStartUs + ttl_ms_ * 1000 * random_.between(6, 12);
  end_us_ = calm_us_ + ttl_ms_ * 1000 * 4;
  delay_us_ = random_.any_size(100, 30'000);
  if (random_.percent(70)) slow_us_ = random_.any_size(1000, ttl_ms_ * 1500);
  work_us_ = random_.any_size(ttl_ms_ * 60, ttl_ms_ * 2000);
  gap_us_ = work_us_ / random_.between(1, limit_);
  bursts_ = random_.percent(30);
  use_ = std::make_shared<LimitUse>(std::make_shared<const Limit>(limit_of(limit_, ttl_ms_)));
  const std::int64_t hosts = random_.between(2, 5);
  for (std::int64_t host = 0; host < hosts; ++host) {
    clocks_.emplace_back(random_.below(1'000'000'000'000), kStartUs, random_.between(-900, 900));
    daemons_.emplace_back();
  }
}

Flight::~Flight() = default;

void Flight::fail(const std::string& what) {
  if (failure_.empty())
    failure_ = "at " + std::to_string(events_.now() - kStartUs) + " us: " + what;
}

Mono Flight::now(const Daemon& daemon) const {
  return clocks_[static_cast<std::size_t>(daemon.host)].read(events_.now());
}

std::int64_t Flight::delay() {
  const bool slow = faulty() && slow_us_ > 0 && random_.one_in(8);
  return 1 + random_.below(2 * delay_us_) + (slow ? random_.below(slow_us_) : 0);
}

// ---- Daemons --------------------------------------------------------------------------------

void Flight::start(int host) {
  const auto daemon = std::make_shared<Daemon>();
  daemon->host = host;
  daemon->shards.emplace_back(StoreClock::Options{});
  HoldKeeper::Options options;
  options.command_timeout_us = kTimeoutUs;
  options.seed = {random_.next(), random_.next()};
  options.host = random_.next();
  daemon->keeper = std::make_unique<HoldKeeper>(options, daemon->shards);
  daemons_[static_cast<std::size_t>(host)] = daemon;
  all_.push_back(daemon);
  connect(daemon);
}

// Its clients work on, or end with it.
void Flight::kill(int host) {
  DaemonPtr& daemon = daemons_[static_cast<std::size_t>(host)];
  if (daemon == nullptr) return;
  daemon->keeper.reset();
  daemon->connection = 0;
  if (random_.percent(30)) daemon->working.clear();
  daemon = nullptr;
  events_.in(random_.any_size(1000, ttl_ms_ * 1000), [this, host] {
    if (daemons_[static_cast<std::size_t>(host)] == nullptr) start(host);
  });
}

void Flight::connect(const DaemonPtr& daemon) {
  const std::uint64_t connection = daemon->connection = ++connections_;
  daemon->last_out_us = daemon->last_in_us = events_.now();
  daemon->unanswered = 0;
  const Mono sent = now(*daemon);
  events_.in(delay(), [this, daemon, connection, sent] {
    const std::int64_t there_us = events_.now();
    const bool answers = there_us >= down_until_us_;
    const std::uint64_t reign = reign_;
    const std::int64_t lost_us = lost_us_;
    events_.in(delay(), [this, daemon, connection, sent, there_us, answers, reign, lost_us] {
      if (daemon->connection != connection || daemon->keeper == nullptr) return;
      if (!answers) {
        daemon->shards[0].health.away();
        daemon->keeper->store_away({0}, now(*daemon));
        daemon->connection = 0;
        pump(daemon);
        events_.in(20'000, [this, daemon] {
          if (daemon->keeper != nullptr && daemon->connection == 0) connect(daemon);
        });
        return;
      }
      daemon->shards[0].clock.measure(sent, now(*daemon), StoreTime{there_us});
      daemon->reign = reign;
      // As the gate tells of a loss: Gate::lose_holds().
      const auto reading = daemon->shards[0].clock.read(now(*daemon));
      const std::int64_t since_us = std::max<std::int64_t>(0, reading->earliest.us - lost_us);
      if (lost_us > 0) daemon->keeper->store_lost(Mono{now(*daemon).us - since_us});
      daemon->shards[0].health.up();
      daemon->keeper->store_up({0}, now(*daemon));
      pump(daemon);
    });
  });
}

void Flight::lose(const DaemonPtr& daemon) {
  if (daemon->keeper == nullptr || daemon->connection == 0) return;
  daemon->shards[0].health.connecting();
  daemon->keeper->store_connecting({0}, now(*daemon));
  connect(daemon);
  pump(daemon);
}

// ---- Calls ----------------------------------------------------------------------------------

void Flight::ask(const DaemonPtr& daemon) {
  while (daemon->keeper != nullptr) {
    const auto asked = daemon->keeper->take({0}, now(*daemon));
    if (!asked) return;
    const std::uint64_t connection = daemon->connection;
    const Mono sent = now(*daemon);
    const std::uint64_t reign = daemon->reign;
    ++daemon->unanswered;
    const std::int64_t before = daemon->unanswered;
    events_.in(kTimeoutUs, [this, daemon, connection, before] {
      if (daemon->connection == connection && daemon->unanswered >= before) lose(daemon);
    });
    if (faulty() && random_.one_in(40)) continue;  // it never gets there
    daemon->last_out_us = std::max(daemon->last_out_us + 1, events_.now() + delay());
    events_.at(daemon->last_out_us, [this, daemon, connection, asked, sent, reign] {
      if (events_.now() < down_until_us_) return;
      HoldAnswer answer;
      const bool over = reign != reign_;
      if (!over) answer = record_.hold(*asked, StoreTime{events_.now()});
      if (faulty() && random_.one_in(40)) return;  // its answer never gets back
      daemon->last_in_us = std::max(daemon->last_in_us + 1, events_.now() + delay());
      events_.at(daemon->last_in_us, [this, daemon, connection, asked, sent, answer, over] {
        deliver(daemon, connection, *asked, sent, answer, over);
      });
    });
  }
}

void Flight::deliver(const DaemonPtr& daemon, std::uint64_t connection, const HoldAsked& asked,
                     Mono sent, const HoldAnswer& answer, bool reign_over) {
  if (daemon->keeper == nullptr) return;
  if (daemon->connection != connection) {
    // A connection that was left tells nothing. It would have to be harmless all the same.
    if (!reign_over && random_.one_in(3)) {
      daemon->keeper->answered(asked, answer, now(*daemon));
      pump(daemon);
    }
    return;
  }
  daemon->unanswered = 0;
  if (reign_over) return lose(daemon);
  daemon->shards[0].clock.measure(sent, now(*daemon), answer.time);
  daemon->keeper->answered(asked, answer, now(*daemon));
  if (random_.one_in(20)) daemon->keeper->answered(asked, answer, now(*daemon));
  pump(daemon);
  if (faulty() && random_.one_in(200)) lose(daemon);
}

void Flight::pump(const DaemonPtr& daemon) {
  if (daemon->keeper == nullptr) return;
  daemon->keeper->turn(now(*daemon));
  ask(daemon);
  for (const EntryAnswer& answer : std::exchange(daemon->keeper->answers(), {})) {
    const auto found = daemon->waiting.find(answer.ticket);
    if (found == daemon->waiting.end()) {
      fail("somebody is answered who did not wait");
      continue;
    }
    const Daemon::Asked asked = found->second;
    daemon->waiting.erase(found);
    if (answer.decision.entered) entered(daemon, answer.decision.entry, asked.cost, asked.flow);
  }
  look();
  wake(daemon);
}

void Flight::wake(const DaemonPtr& daemon) {
  const Mono next = daemon->keeper->next_turn();
  if (next == kNever) return;
  const std::int64_t at = clocks_[static_cast<std::size_t>(daemon->host)].when(next);
  events_.at(std::max(events_.now() + 1, at), [this, daemon] {
    if (daemon->keeper != nullptr && daemon->keeper->next_turn() <= now(*daemon)) pump(daemon);
  });
}

// ---- Clients --------------------------------------------------------------------------------

void Flight::next_client(int host) {
  const std::int64_t gap = 1 + random_.below(2 * gap_us_);
  if (events_.now() + gap >= calm_us_) return;
  events_.in(gap, [this, host] {
    const DaemonPtr daemon = daemons_[static_cast<std::size_t>(host)];
    const std::int64_t many = bursts_ && random_.one_in(20) ? random_.below(2 * limit_) : 1;
    for (std::int64_t i = 0; i < many && daemon != nullptr && daemon->keeper != nullptr; ++i) {
      client(daemon);
    }
    next_client(host);
  });
}

void Flight::client(const DaemonPtr& daemon) {
  const std::uint32_t flow = ++flows_;
  const std::int64_t cost =
      random_.percent(80) ? 1 : random_.between(1, std::max<std::int64_t>(1, limit_ / 2));
  EntryRequest request{use_, "k", cost, ++tickets_, flow};
  if (random_.percent(40)) request.patience = after(now(*daemon), random_.any_size(1000, work_us_));
  if (random_.percent(20)) request.for_us = work_us_ * 4;
  const HoldLook look = daemon->keeper->look(request, now(*daemon));
  const EntryResult result = daemon->keeper->enter(request, now(*daemon));
  compare(look, request, result);
  if (result.waits) {
    daemon->waiting.emplace(request.ticket, Daemon::Asked{cost, flow});
    // Some do not wait for the end of it.
    if (random_.one_in(30)) {
      events_.in(random_.below(20'000), [this, daemon, flow, ticket = request.ticket] {
        if (daemon->keeper == nullptr || daemon->waiting.erase(ticket) == 0) return;
        daemon->keeper->gone(flow, now(*daemon));
        pump(daemon);
      });
    }
  } else if (result.decision.entered) {
    entered(daemon, result.decision.entry, cost, flow);
  }
  pump(daemon);
}

// Who had looked a moment before was told what who enters is told.
void Flight::compare(const HoldLook& look, const EntryRequest& request, const EntryResult& result) {
  const bool asks = look.verdict == Verdict::Decided && look.decision.by == DecidedBy::Store;
  if (request.patience.us > 0) {
    const bool enters = look.decision.allowed && !asks;
    if (enters != result.decision.entered) fail("a look was told of another end of waiting");
    return;
  }
  if (asks != result.waits) return fail("a look was told that the store decides, or not to ask it");
  if (asks) return;
  const bool is_same = look.verdict == result.verdict &&
                       look.decision.allowed == result.decision.entered &&
                       (look.verdict != Verdict::Decided ||
                        (look.decision.limit == result.decision.limit &&
                         look.decision.retry_after_ms == result.decision.retry_after_ms));
  if (!is_same) fail("a look was told something else than who entered");
}

void Flight::entered(const DaemonPtr& daemon, std::uint64_t entry, std::int64_t cost,
                     std::uint32_t flow) {
  ++entered_;
  daemon->keeper->told(flow);
  judge_hold(*daemon);
  follow_hold(*daemon);
  daemon->working.emplace(entry, Working{entry, cost, flow, false});
  events_.in(random_.below(2 * work_us_), [this, daemon, entry] { leave(daemon, entry); });
}

// By its ticket, or as its connection is closed, or its process ends with a FOR that lasts longer.
void Flight::leave(const DaemonPtr& daemon, std::uint64_t entry) {
  const auto found = daemon->working.find(entry);
  if (found == daemon->working.end()) return;
  const Working working = found->second;
  daemon->working.erase(found);
  if (daemon->keeper == nullptr) return;
  if (random_.percent(80)) {
    daemon->keeper->leave(entry, now(*daemon));
  } else {
    daemon->keeper->gone(working.flow, now(*daemon));
  }
  pump(daemon);
}

// ---- What befalls them ----------------------------------------------------------------------

void Flight::lose_store() {
  record_ = {};
  ++reign_;
  lost_us_ = events_.now();
  for (const DaemonPtr& daemon : daemons_) {
    if (daemon != nullptr && random_.percent(70)) lose(daemon);
  }
}

void Flight::plan_faults() {
  const auto times = [&](std::int64_t most, const EventQueue::Event& fault) {
    for (std::int64_t i = random_.below(most + 1); i > 0; --i) {
      events_.at(kStartUs + random_.below(calm_us_ - kStartUs), fault);
    }
  };
  const auto hosts = static_cast<std::int64_t>(clocks_.size());
  times(12, [this, hosts] {
    const DaemonPtr daemon = daemons_[static_cast<std::size_t>(random_.below(hosts))];
    if (daemon != nullptr) lose(daemon);
  });
  if (random_.percent(50)) {
    times(3, [this, hosts] { kill(static_cast<int>(random_.below(hosts))); });
  }
  if (random_.percent(40)) times(2, [this] { lose_store(); });
  if (random_.percent(40)) {
    times(2, [this] { down_until_us_ = events_.now() + random_.any_size(10'000, ttl_ms_ * 2000); });
  }
}

// ---- What must be true ----------------------------------------------------------------------

// Whoever is let in is let in under a hold, which is not over yet. Who is let in by
// on_store_down = "allow" has none, so that no limit here has that policy.
void Flight::judge_hold(const Daemon& daemon) {
  const HeldCounter* const counter = daemon.keeper->counter(use_->names.of("k", 0));
  if (counter == nullptr) return fail("somebody has entered, and nothing is held");
  const std::int64_t late_us = events_.now() - counter->hold.until().us;
  if (late_us < 0) return;
  fail("somebody is let in " + std::to_string(late_us) + " us after the hold was over");
}

// What was entered under a hold that is over is not covered any more.
void Flight::follow_hold(Daemon& daemon) {
  if (events_.now() >= daemon.until.us) {
    for (auto& [entry, working] : daemon.working) working.lapsed = true;
  }
  if (daemon.keeper == nullptr) return;
  const HeldCounter* const counter = daemon.keeper->counter(use_->names.of("k", 0));
  if (counter != nullptr) daemon.until = std::max(daemon.until, counter->hold.until());
}

void Flight::look() {
  std::int64_t in_flight = 0;
  for (const DaemonPtr& daemon : all_) {
    follow_hold(*daemon);
    for (const auto& [entry, working] : daemon->working) {
      if (!working.lapsed) in_flight += working.cost;
    }
  }
  if (in_flight > limit_) {
    fail(std::to_string(in_flight) + " in flight of " + std::to_string(limit_));
  }
}

std::string Flight::finish() {
  for (const DaemonPtr& daemon : all_) {
    if (daemon->keeper == nullptr) continue;
    if (!daemon->waiting.empty()) fail("somebody waits, and is not answered");
    const HeldCounter* const counter = daemon->keeper->counter(use_->names.of("k", 0));
    std::int64_t sum = 0;
    for (const auto& [entry, working] : daemon->working) sum += working.cost;
    if (counter != nullptr && counter->entered < sum) fail("an entry is not counted");
  }
  return failure_;
}

std::string Flight::run() {
  for (std::size_t host = 0; host < clocks_.size(); ++host) {
    start(static_cast<int>(host));
    next_client(static_cast<int>(host));
  }
  plan_faults();
  while (failure_.empty() && events_.now() < end_us_) {
    events_.run_until(events_.now() + 10'000);
  }
  if (!failure_.empty()) return failure_;
  // All that was entered is left by now, or given back, so that all of it can be had.
  events_.run_until(end_us_ + 8 * work_us_ + ttl_ms_ * 4000);
  const DaemonPtr daemon = daemons_.front();
  if (daemon == nullptr || daemon->keeper == nullptr) return finish();
  bool has_all = false;
  // A trip may take longer than the time-out.
  for (int tries = 0; tries < 10 && !has_all; ++tries) {
    EntryRequest all{use_, "k", limit_, ++tickets_, ++flows_};
    all.patience = after(now(*daemon), 2'000'000);
    const EntryResult result = daemon->keeper->enter(all, now(*daemon));
    const std::int64_t before = entered_;
    if (result.waits) daemon->waiting.emplace(all.ticket, Daemon::Asked{limit_, all.flow});
    pump(daemon);
    events_.run_until(events_.now() + 3'000'000);
    has_all = result.decision.entered || entered_ > before;
  }
  if (!has_all) fail("everybody has left, and not all of it can be had");
  return finish();
}

}  // namespace rategate::sim
