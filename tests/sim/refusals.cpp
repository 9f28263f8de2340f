#include "tests/sim/refusals.hpp"

#include <algorithm>

#include "tests/sim/daemon.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

constexpr std::int64_t kGreetedUs = 200'000;  // by then
constexpr std::int64_t kMostInBurst = 24;
// A limit is asked for again after a while that doubles from 100 ms on: this often at most in the
// time of a schedule, and each time by no more than what is under way together.
constexpr int kMostTries = 8;
constexpr int kMostTogether = 64;

}  // namespace

// ---- Who asks -------------------------------------------------------------------------------

bool Refusals::plan() {
  const Scenario& scenario = world_.scenario();
  Store& store = world_.store();
  for (const std::string& counters : scenario.forbidden) store.forbid(counters);
  for (const std::string& counters : scenario.spoilt) store.spoil(counters);
  permitted_us_ = world_.events().now() + scenario.forbidden_us;
  world_.events().at(permitted_us_, [&store] { store.permit_all(); });
  for (int host = 0; host < scenario.hosts; ++host) next_burst(host);
  return true;
}

// What comes in one turn of the loop is asked in calls of many counters.
void Refusals::next_burst(int host) {
  const std::int64_t wait = 1 + world_.random().below(2 * world_.scenario().gap_us);
  if (world_.events().now() + wait >= world_.end_us()) return;
  world_.events().in(wait, [this, host] {
    const Scenario& scenario = world_.scenario();
    Random& random = world_.random();
    Daemon* daemon = world_.daemon(host);
    for (std::int64_t left = random.between(1, kMostInBurst); left > 0; --left) {
      world_.count_check();
      const auto limit = random.below(static_cast<std::int64_t>(scenario.limits.size()));
      daemon->ask(static_cast<int>(limit), static_cast<int>(random.below(scenario.keys)),
                  random.between(1, scenario.max_cost),
                  static_cast<std::uint32_t>(random.between(1, 5)));
    }
    daemon->pump();
    next_burst(host);
  });
}

// ---- What is seen ---------------------------------------------------------------------------

std::string Refusals::limit_of(const std::string& counter) const {
  const std::size_t begin = counter.find('{') + 1;
  return counter.substr(begin, counter.find(':', begin) - begin);
}

void Refusals::written(Daemon& daemon, const Call& call) {
  if (call.reservations.size() < 2) return;
  for (const Reservation& reservation : call.reservations) {
    const auto found = seen_.find({daemon.id(), limit_of(reservation.counter)});
    if (found == seen_.end() || !found->second.refused) continue;
    world_.checker().fail(reservation.counter + ": shares a call, and was refused when alone");
  }
}

void Refusals::replied(Daemon& daemon, const Call& call, const Store::Answer& answer) {
  if (call.kind != Call::Kind::Reserve) return;
  const auto seen = [&](const Reservation& reservation) -> Seen& {
    return seen_[{daemon.id(), limit_of(reservation.counter)}];
  };
  if (answer.is_error) {
    if (call.reservations.size() > 1) return;
    Seen& limit = seen(call.reservations.front());
    limit.refused = true;
    if (++limit.refusals > kMostTries * kMostTogether) {
      world_.checker().fail(call.reservations.front().counter + ": refused again and again");
    }
    return;
  }
  for (std::size_t i = 0; i < answer.answers.size(); ++i) {
    if (answer.answers[i].status != ReserveAnswer::Status::Looked) continue;
    seen(call.reservations[i]).refused = false;
  }
}

bool Refusals::takes_limit(int limit) const {
  const auto of_limit = [&](const std::string& counters) {
    return counters.starts_with("rategate:{limit" + std::to_string(limit) + ":");
  };
  const Scenario& scenario = world_.scenario();
  return std::none_of(scenario.forbidden.begin(), scenario.forbidden.end(), of_limit);
}

// For how long a limit is not asked for grows with how long it was refused.
bool Refusals::may_be_refused(int limit, std::int64_t asked_us) const {
  const Scenario& scenario = world_.scenario();
  if (asked_us < scenario.start_us + kGreetedUs) return true;
  const std::int64_t again_us = permitted_us_ + 2 * scenario.forbidden_us + 400'000;
  return !takes_limit(limit) && asked_us < again_us;
}

void Refusals::told(Daemon&, const Ask& ask, Verdict verdict, const Decision& decision) {
  const bool by_store = verdict == Verdict::Decided && decision.reason != Reason::StoreAway;
  if (by_store || may_be_refused(ask.limit, ask.asked_us)) return;
  const Checker::Account& account = world_.account(ask.limit, ask.key, world_.events().now());
  if (world_.store().spoils(account.name)) return;
  world_.checker().fail(account.name + ": denied for the store, for what another did");
}

void Refusals::finish() {
  // Nothing was reserved twice, or for nobody; but for those whose answer came after the window.
  const Scenario& scenario = world_.scenario();
  for (int host = 0; host < scenario.hosts; ++host) {
    if (world_.daemon(host)->gate().stats().late_answers > 0) return;
  }
  world_.checker().each([&](const Checker::Account& account) {
    if (account.limit < 0 || !takes_limit(account.limit)) return;
    const LimitPlan& plan = scenario.limits[static_cast<std::size_t>(account.limit)];
    if (plan.mode != Mode::Exact) return;
    std::int64_t spent = 0;
    for (const Checker::Share& share : account.shares) spent += share.spent;
    if (spent == account.granted) return;
    world_.checker().fail(account.name + ": " + std::to_string(account.granted) +
                          " were reserved one by one, and " + std::to_string(spent) + " spent");
  });
}

}  // namespace rategate::sim
