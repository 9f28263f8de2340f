#include "tests/sim/overload.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "tests/sim/daemon.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

constexpr int kColdLimit = 0;
constexpr int kHotLimit = 1;
// Counters that may be under way when a part begins to be judged.
constexpr std::int64_t kUnderWay = 8;
// "Every eighth counter is one that wants a lease and has no check waiting; more where nobody
// waits" (docs/overload.md, whose turn it is).
constexpr std::int64_t kLeaseEvery = 8;
// A lease of a long window is what is spent in a sixteenth of it, and is renewed when a quarter of
// it is left (docs/leases.md, how much).
constexpr std::int64_t kLeasesPerWindow = 16;
constexpr std::int64_t kLowWaterPart = 4;
constexpr std::uint32_t kGreedyFlow = 1;
constexpr std::uint32_t kModestFlow = 100;
constexpr std::uint32_t kHotFlow = 200;

// The number of the cold key in a counter's name; none for another counter.
std::optional<std::size_t> cold_key_of(const std::string& counter) {
  if (!counter.starts_with("rategate:{cold:")) return std::nullopt;
  return std::stoul(counter.substr(counter.rfind("key", counter.find('}')) + 3));
}

}  // namespace

std::int64_t Overload::now() const { return world_.events().now(); }

Overload::Part* Overload::part_at(std::int64_t us) {
  for (Part& part : parts_) {
    if (us >= part.begin_us && us < part.end_us) return &part;
  }
  return nullptr;
}

// ---- Who asks -------------------------------------------------------------------------------

bool Overload::plan() {
  const Scenario& scenario = world_.scenario();
  EventQueue& events = world_.events();
  std::int64_t at = world_.end_us();
  for (const Phase& phase : scenario.phases) at -= phase.settle_us + phase.judged_us;
  for (const Phase& phase : scenario.phases) {
    Part part;
    part.phase = phase;
    part.begin_us = at;
    part.settled_us = at += phase.settle_us;
    part.end_us = at += phase.judged_us;
    const std::size_t number = parts_.size();
    events.at(part.begin_us, [this, rate = phase.rate] { world_.store().limit_rate(rate); });
    events.at(part.settled_us,
              [this, number] { parts_[number].busy_us -= world_.store().busy_us(); });
    events.at(part.end_us, [this, number] { parts_[number].busy_us += world_.store().busy_us(); });
    parts_.push_back(part);
  }
  // Over before that part is judged.
  if (scenario.stall_us > 0) {
    events.at(parts_.back().begin_us + scenario.command_timeout_us / 8,
              [this] { world_.store().stall(world_.scenario().stall_us); });
  }
  events.at(parts_.front().begin_us - scenario.hot_before_us, [this] { start_hot(); });
  events.at(parts_.front().begin_us, [this] { start_cold(); });
  return true;
}

void Overload::start_hot() {
  for (int i = 0; i < world_.scenario().hot_keys; ++i) next_hot(i);
}

void Overload::start_cold() {
  const Scenario& scenario = world_.scenario();
  if (scenario.bursts) {
    next_burst();
  } else {
    next_cold(false, kGreedyFlow);
  }
  for (int i = 0; i < scenario.modest; ++i) {
    next_cold(true, kModestFlow + static_cast<std::uint32_t>(i));
  }
}

std::int64_t Overload::gap_us(bool modest) {
  const Scenario& scenario = world_.scenario();
  if (modest) return scenario.modest_gap_us;
  const Part* part = part_at(now());
  if (part == nullptr) return scenario.command_timeout_us;
  const std::int64_t others = scenario.modest * 1'000'000 / scenario.modest_gap_us;
  return 1'000'000 / std::max<std::int64_t>(1, part->phase.demand - others);
}

void Overload::next_cold(bool modest, std::uint32_t flow) {
  const std::int64_t gap = gap_us(modest);
  // A modest client asks evenly; the greedy one in fits and starts.
  const std::int64_t wait =
      modest ? world_.random().between(gap * 3 / 4, gap * 5 / 4) : world_.random().below(2 * gap);
  if (now() + wait >= world_.end_us()) return;
  world_.events().in(wait, [this, modest, flow] {
    cold_.push_back({now(), 0, modest, false});
    ask(kColdLimit, static_cast<int>(cold_.size()) - 1, flow);
    next_cold(modest, flow);
  });
}

// As who asks again at once for all that was denied: there is much to be asked for once in each
// time-out, and what is not by then has too little time left.
void Overload::next_burst() {
  const std::int64_t every_us = world_.scenario().command_timeout_us;
  if (now() + every_us >= world_.end_us()) return;
  for (std::int64_t left_us = every_us; left_us > 0; left_us -= gap_us(false)) {
    cold_.push_back({now(), 0, false, false});
    world_.count_check();
    world_.daemon(0)->ask(kColdLimit, static_cast<int>(cold_.size()) - 1, 1, kGreedyFlow);
  }
  world_.daemon(0)->pump();
  world_.events().in(every_us, [this] { next_burst(); });
}

void Overload::next_hot(int key) {
  const std::int64_t wait = 1 + world_.random().below(2 * world_.scenario().hot_gap_us);
  if (now() + wait >= world_.end_us()) return;
  world_.events().in(wait, [this, key] {
    ask(kHotLimit, key, kHotFlow + static_cast<std::uint32_t>(key));
    next_hot(key);
  });
}

void Overload::ask(int limit, int key, std::uint32_t flow) {
  world_.count_check();
  Daemon* daemon = world_.daemon(0);
  daemon->ask(limit, key, 1, flow);
  daemon->pump();
}

// ---- What is seen ---------------------------------------------------------------------------

std::int64_t Overload::shortest_trip_us() const { return 2 * world_.scenario().least_delay_us; }

// A trip, and half of the time that it leaves. A check of a hot key may come while its lease is
// being renewed for others, and then needs a second trip.
std::int64_t Overload::patience_us(const Part& part, int trips) const {
  const Scenario& scenario = world_.scenario();
  const std::int64_t trip =
      2 * (scenario.least_delay_us + 2 * scenario.delay_us) + 1'000'000 / part.phase.rate;
  return trips * trip + (scenario.command_timeout_us - trip) / 2;
}

// Nothing changes while it waits.
bool Overload::is_judged(const Part& part, std::int64_t asked_us) const {
  return asked_us >= part.settled_us &&
         asked_us + world_.scenario().command_timeout_us <= part.end_us;
}

// What is left of its time is enough for a call and a quarter of the free time.
bool Overload::has_time(const Cold& check, std::int64_t at_us) const {
  const std::int64_t timeout = world_.scenario().command_timeout_us;
  const std::int64_t left = check.asked_us + timeout - at_us;
  const std::int64_t trip = shortest_trip_us();
  // Clocks differ by 900 ppm.
  return left + timeout / 500 >= trip + (timeout - trip) / 4;
}

void Overload::written(Daemon& daemon, const Call& call) {
  note_leases(daemon, call);
  for (const Reservation& reservation : call.reservations) {
    const auto key = cold_key_of(reservation.counter);
    if (!key || reservation.costs.empty()) continue;
    const Cold& check = cold_[*key];
    if (check.answered_us != 0) {
      world_.checker().fail(reservation.counter + ": asked for, though its check was answered");
    } else if (!has_time(check, now())) {
      world_.checker().fail(
          reservation.counter + ": asked for with " +
          std::to_string(check.asked_us + world_.scenario().command_timeout_us - now()) +
          " us left");
    }
  }
}

// No lease is passed over when its turn comes, however many checks wait.
void Overload::note_leases(const Daemon& daemon, const Call& call) {
  for (const Reservation& reservation : call.reservations) {
    since_lease_ = reservation.costs.empty() ? 0 : since_lease_ + 1;
  }
  if (daemon.gate().shard(ShardId{0}).leases.empty()) since_lease_ = 0;
  if (since_lease_ >= kLeaseEvery) {
    world_.checker().fail("a lease is wanted, and " + std::to_string(since_lease_) +
                          " counters of checks were asked for since the last one");
  }
}

void Overload::replied(Daemon&, const Call& call, const Store::Answer& answer) {
  Part* const part = part_at(now());
  if (answer.is_error || part == nullptr || now() < part->settled_us) return;
  for (const Reservation& reservation : call.reservations) {
    ++part->counters;
    if (reservation.costs.empty()) ++part->leases;
    const auto key = cold_key_of(reservation.counter);
    if (key && !reservation.costs.empty()) part->done.push_back(*key);
  }
}

void Overload::told(Daemon&, const Ask& ask, Verdict verdict, const Decision& decision) {
  const bool served = verdict == Verdict::Decided && decision.reason == Reason::Counted;
  Part* const part = part_at(ask.asked_us);
  const bool judged = part != nullptr && is_judged(*part, ask.asked_us);
  if (ask.limit == kColdLimit) {
    Cold& check = cold_[static_cast<std::size_t>(ask.key)];
    check.answered_us = now();
    check.served = served;
  } else if (judged && patience_us(*part, 2) < world_.scenario().command_timeout_us) {
    ++part->hot;
    if (!served || now() > ask.asked_us) ++part->hot_waited;
    if (!served || now() - ask.asked_us > patience_us(*part, 2)) ++part->hot_late;
  }
  if (!served && judged && ask.limit == kColdLimit && part == &parts_.back() &&
      !world_.scenario().bursts) {
    fail(*part, "a check is denied for the store");
  }
}

void Overload::pumped(Daemon& daemon) {
  if (parts_.empty()) return;  // it has only just started
  const Link& link = daemon.link();
  const std::size_t queued = daemon.gate().queued();
  if (queued == 0 && now() >= parts_.back().settled_us) queue_was_empty_ = true;
  if (link.outbox().counters_under_way() > 0 || link.holds_answers()) return;
  if (link.state() != Link::State::Up) return;
  for (const auto& [ticket, ask] : daemon.waiting()) {
    if (ask.limit != kColdLimit) continue;
    const std::int64_t left = ask.asked_us + world_.scenario().command_timeout_us - now();
    if (left > link.outbox().write_by_us() + world_.scenario().command_timeout_us / 500) {
      world_.checker().fail("nothing is under way, and a check that has " + std::to_string(left) +
                            " us left is not asked for");
    }
  }
}

void Overload::store_event(Daemon&, const StoreEvent& event) {
  const auto what = event.what;
  if (what == StoreEvent::What::Away || what == StoreEvent::What::Connecting) {
    world_.checker().fail("overload was taken for an outage: " + std::string(event.why));
  }
}

// ---- What must be true ----------------------------------------------------------------------

void Overload::fail(const Part& part, const std::string& what) {
  const Scenario& scenario = world_.scenario();
  world_.checker().fail("phase " + std::to_string(&part - parts_.data()) + " (" +
                        std::to_string(part.phase.demand) + " of " +
                        std::to_string(part.phase.rate) + " a second, trips of " +
                        std::to_string(shortest_trip_us()) + " us, a time-out of " +
                        std::to_string(scenario.command_timeout_us) + " us): " + what);
}

void Overload::judge(const Part& part) {
  if (!world_.scenario().bursts) judge_use(part);
  judge_hot(part);
  judge_modest(part);
}

void Overload::judge_use(const Part& part) {
  const std::int64_t us_each = 1'000'000 / part.phase.rate;
  std::int64_t asked = 0;
  for (const Cold& check : cold_) {
    if (check.asked_us >= part.settled_us && check.asked_us < part.end_us - shortest_trip_us()) {
      ++asked;
    }
  }
  const std::int64_t want_us = std::min(part.end_us - part.settled_us, asked * us_each);
  if (part.busy_us + kUnderWay * us_each < want_us * 9 / 10) {
    fail(part, "the way was busy for " + std::to_string(part.busy_us) + " us of " +
                   std::to_string(want_us));
  }
  const auto done = static_cast<std::int64_t>(part.done.size());
  const std::int64_t served = std::count_if(part.done.begin(), part.done.end(),
                                            [&](std::size_t key) { return cold_[key].served; });
  if (served + kUnderWay < done * 9 / 10) {
    fail(part, std::to_string(done) + " were reserved, and " + std::to_string(served) +
                   " of them for somebody who still waited");
  }
  // At the edges of the part, and now and then between, nobody waits who could be asked for.
  if (asked * us_each * 10 >= (part.end_us - part.settled_us) * 11 &&
      part.leases > part.counters / kLeaseEvery + 4) {
    fail(part, "of " + std::to_string(part.counters) + " counters " + std::to_string(part.leases) +
                   " were leases that no check waited for");
  }
}

void Overload::judge_hot(const Part& part) {
  if (part.hot_late > 2 + part.hot / 50) {
    fail(part, std::to_string(part.hot_late) + " of " + std::to_string(part.hot) +
                   " checks of hot keys waited for long");
  }
  if (leases_come_in_time(part) && part.hot_waited > 3 + part.hot / 50) {
    fail(part, std::to_string(part.hot_waited) + " of " + std::to_string(part.hot) +
                   " checks of hot keys waited, though their leases had an eighth of the way");
  }
}

// Whether what is left at low water lasts until a lease has had its turn, behind another one, and
// was answered, as soon as answers are to come. A third of it is for demand that has grown since
// the lease was given. The copies that a pipeline takes at once must not be most of it.
bool Overload::leases_come_in_time(const Part& part) const {
  const Scenario& scenario = world_.scenario();
  const std::int64_t window_us = scenario.limits[kHotLimit].period_ms * 1000;
  const std::int64_t wanted = scenario.hot_keys * kLeasesPerWindow * 1'000'000 / window_us;
  if (2 * wanted * kLeaseEvery > part.phase.rate) return false;  // a second
  const std::int64_t left_us = window_us / kLeasesPerWindow / kLowWaterPart;
  const std::int64_t spent_per_check = 1 + Daemon::kMostCopies / 2 / Daemon::kCopiedOneIn;
  if (left_us / scenario.hot_gap_us * spent_per_check < 2 * Daemon::kMostCopies) return false;
  const std::int64_t turn_us = 2 * kLeaseEvery * 1'000'000 / part.phase.rate;
  const std::int64_t trip = shortest_trip_us();
  return turn_us + trip + (scenario.command_timeout_us - trip) / 4 <= left_us * 2 / 3;
}

void Overload::judge_modest(const Part& part) {
  // Where little passes, one more or less is a large part of it.
  const std::int64_t free_us = world_.scenario().command_timeout_us - shortest_trip_us();
  if (part.phase.rate * free_us < 64'000'000) return;
  std::int64_t asked = 0;
  std::int64_t denied = 0;
  std::int64_t late = 0;
  for (const Cold& check : cold_) {
    if (!check.modest || !is_judged(part, check.asked_us)) continue;
    ++asked;
    if (!check.served) ++denied;
    if (check.answered_us - check.asked_us > patience_us(part, 1)) ++late;
  }
  // Behind a burst there is half a window more before them.
  const std::int64_t few = world_.scenario().bursts ? 10 : 50;
  if (denied > 1 + asked / 100 || late > 2 + asked / few) {
    fail(part, "of " + std::to_string(asked) + " checks of modest clients " +
                   std::to_string(denied) + " were denied, and " + std::to_string(late) +
                   " came late");
  }
}

void Overload::finish() {
  for (const Part& part : parts_) judge(part);
  if (!queue_was_empty_) world_.checker().fail("the queue did not empty after the load fell");
  if (world_.daemon(0)->gate().queued() != 0) world_.checker().fail("the queue is not empty");
}

}  // namespace rategate::sim
