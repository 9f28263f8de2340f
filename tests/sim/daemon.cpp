#include "tests/sim/daemon.hpp"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "tests/sim/hooks.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

constexpr int kMostTurns = 10'000;  // of one pump; more, and it spins
// A check is answered at its deadline at the latest; this much later an alarm may be.
constexpr std::int64_t kAlarmLateUs = 2'000;
constexpr std::int64_t kSmallLease = 16;

Gate::Options gate_options(const Scenario& scenario, int id) {
  Gate::Options options;
  options.command_timeout_us = scenario.command_timeout_us;
  options.clock.max_error_us = scenario.max_error_us;
  options.seed = {scenario.seed, 1};
  options.jitter_seed = scenario.seed * 1000 + static_cast<std::uint64_t>(id);
  return options;
}

SharedPools::Secrets secrets_of(const Scenario& scenario, int id) {
  // An adopted segment's clients go on finding their slots in it.
  Random random(scenario.seed +
                (mistake("adopts-the-old-segment") ? 0 : static_cast<unsigned>(id)));
  SharedPools::Secrets secrets;
  secrets.generation = static_cast<std::uint64_t>(id) + 1;
  for (auto& word : secrets.hash_seed) word = random.next();
  for (auto& word : secrets.digest_secret) word = random.next();
  return secrets;
}

}  // namespace

void Memory::Free::operator()(void* memory) const { std::free(memory); }

Memory::Memory(std::uint32_t slots) : bytes_(std::aligned_alloc(64, rg_shm_bytes(slots))) {
  if (bytes_ == nullptr) throw std::bad_alloc();
  std::memset(bytes_.get(), 0, rg_shm_bytes(slots));
}

Daemon::Daemon(World& world, int id, const HostClock& clock, const std::vector<Limit>& limits,
               std::shared_ptr<Memory> old)
    : world_(world),
      id_(id),
      clock_(clock),
      memory_(old != nullptr && mistake("adopts-the-old-segment")
                  ? std::move(old)
                  : std::make_shared<Memory>(world.scenario().slots)),
      pools_(std::make_unique<SharedPools>(memory_->get(), world.scenario().slots,
                                           secrets_of(world.scenario(), id))),
      table_(16),
      gate_(std::make_unique<Gate>(gate_options(world.scenario(), id), pools_.get())),
      link_(world.events(), world.store(), world.random(), world.scenario(), *this) {
  reload(limits);
}

Mono Daemon::now() const { return clock_.read(world_.events().now()); }

void Daemon::when_awake(EventQueue::Event event) {
  if (!alive_) return;
  if (world_.events().now() >= paused_until_) return event();
  world_.events().at(paused_until_,
                     [this, event = std::move(event)]() mutable { when_awake(std::move(event)); });
}

void Daemon::pause(std::int64_t us) {
  paused_until_ = world_.events().now() + us;
  paused_us_ += us;
}

void Daemon::kill() {
  alive_ = false;
  link_.stop();
  answered_ += static_cast<std::int64_t>(waiting_.size());  // who asked sees the connection close
  waiting_.clear();
}

void Daemon::stop() {
  gate_->stop();
  hand_out();
  for (const Release& release : std::exchange(gate_->releases(), {})) link_.release(release);
  link_.flush();
  check_books();
  if (!waiting_.empty()) world_.checker().fail("a daemon stopped with checks unanswered");
  kill();
}

void Daemon::reload(const std::vector<Limit>& limits) {
  const bool first = table_.configured_count() == 0;
  table_.configure(limits);
  for (const Limit& limit : limits) {
    const LimitUsePtr use = table_.configured(limit.name);
    rules_[use->rule].use = use;
  }
  if (first) return;
  gate_->drop_limits(now());
  pump();
}

// ---- Those who ask --------------------------------------------------------------------------

void Daemon::ask(int limit, int key, std::int64_t cost) {
  const LimitUsePtr use =
      table_.configured(world_.scenario().limits[static_cast<std::size_t>(limit)].name);
  const Ask ask{limit, key, cost, use->limit->permits, world_.events().now()};
  ++asked_;
  wanted_ += cost;
  const std::uint64_t ticket = ++tickets_;
  const CheckResult result = gate_->check(use, world_.key(limit, key), cost, ticket, now());
  if (result.waits) {
    waiting_.emplace(ticket, ask);
  } else {
    told(ask, result.verdict, result.decision);
    if (result.verdict == Verdict::Decided && asked_ % 3 == 0) repeat(use, ask, result.decision);
  }
  pump();
}

// What a pipeline that says the same again makes of it.
void Daemon::repeat(const LimitUsePtr& use, const Ask& ask, const Decision& decided) {
  const auto copies = static_cast<std::int64_t>(1 + asked_ % 20);
  const std::int64_t done =
      gate_->repeat(use, world_.key(ask.limit, ask.key), ask.cost, decided, copies, now());
  if (done < 0 || done > copies) world_.checker().fail("more copies were answered than there are");
  for (std::int64_t i = 0; i < done; ++i) {
    ++asked_;
    wanted_ += ask.cost;
    told(ask, Verdict::Decided, decided);
  }
}

void Daemon::nudge(std::uint32_t slot) {
  gate_->nudged(slot, now());
  pump();
}

void Daemon::told(const Ask& ask, Verdict verdict, const Decision& decision) {
  ++answered_;
  Checker& checker = world_.checker();
  const std::int64_t at = world_.events().now();
  const std::int64_t took = at - ask.asked_us;
  if (took > world_.scenario().command_timeout_us * 1001 / 1000 + paused_us_ + kAlarmLateUs) {
    checker.fail("a check was answered after " + std::to_string(took) + " us");
  }
  if (verdict != Verdict::Decided) return;
  const LimitPlan& plan = world_.scenario().limits[static_cast<std::size_t>(ask.limit)];
  if (decision.allowed && decision.reason == Reason::StoreAway &&
      plan.on_store_down == OnStoreDown::Allow) {
    return;
  }
  const bool over = !decision.allowed && decision.reason == Reason::OverLimit;
  if (!over && !decision.allowed) return;
  Checker::Account& account = world_.account(ask.limit, ask.key, at);
  if (over) {
    checker.denied(account, ask.cost, ask.permits);
  } else {
    checker.spent(id_, account, ask.cost, true, at);
  }
}

void Daemon::hand_out() {
  for (const Answer& answer : std::exchange(gate_->answers(), {})) {
    const auto found = waiting_.find(answer.ticket);
    if (found == waiting_.end()) {
      world_.checker().fail("a check was answered twice");
      continue;
    }
    const Ask ask = found->second;
    waiting_.erase(found);
    told(ask, answer.verdict, answer.decision);
  }
}

// ---- The loop -------------------------------------------------------------------------------

void Daemon::pump() {
  if (!alive_) return;
  int turns = 0;
  do {
    gate_->turn(now());
    for (Reservation& request : std::exchange(gate_->reservations(), {})) {
      link_.reserve(std::move(request));
    }
    for (const Release& release : std::exchange(gate_->releases(), {})) link_.release(release);
    if (gate_->take_measure_wanted()) link_.measure();
    link_.flush();
    hand_out();
    if (++turns > kMostTurns) return world_.checker().fail("the loop spins");
  } while (gate_->next_turn() <= now());
  set_alarm();
}

void Daemon::set_alarm() {
  const Mono next = gate_->next_turn();
  if (next >= alarm_) return;
  alarm_ = next;
  world_.events().at(clock_.when(next), [this, next] {
    when_awake([this, next] {
      if (alarm_ != next) return;
      alarm_ = kNever;
      pump();
    });
  });
}

void Daemon::store_time(Mono sent, Mono received, StoreTime time, bool first_of_primary) {
  if (first_of_primary) gate_->store_replaced();
  gate_->measured(sent, received, time);
}

void Daemon::store_up(bool lost) {
  if (lost) gate_->lose_open_windows(now());
  gate_->store_up();
}

void Daemon::store_connecting() { gate_->store_connecting(); }
void Daemon::store_away() { gate_->store_away(now()); }
void Daemon::reserved(std::uint64_t id, const ReserveAnswer& answer) {
  const std::uint64_t late = gate_->stats().late_answers;
  const std::int64_t reserved = gate_->stats().reserved;
  gate_->answered(id, answer, now());
  if (gate_->stats().late_answers > late) late_ += gate_->stats().reserved - reserved;
}
void Daemon::reserve_failed(std::uint64_t id, bool retry) { gate_->failed(id, retry, now()); }

// ---- Its clients ----------------------------------------------------------------------------

rg_shm_rule Daemon::resolve(int limit) {
  gate_->share();
  const LimitUsePtr use =
      table_.configured(world_.scenario().limits[static_cast<std::size_t>(limit)].name);
  return {use->rule, use->limit->permits, use->limit->period_ms, use->leased,
          use->limit->redis_key.has_key()};
}

bool Daemon::has_rule(std::uint64_t rule) const {
  const auto found = rules_.find(rule);
  return found != rules_.end() && !found->second.use->dropped;
}

std::uint64_t Daemon::rules() const {
  return static_cast<const rg_shm_header*>(memory_->get())->rules;
}

rg_shm_view Daemon::view() const {
  auto* header = static_cast<rg_shm_header*>(memory_->get());
  rg_shm_view view{};
  view.header = header;
  view.slots = reinterpret_cast<rg_slot*>(static_cast<char*>(memory_->get()) + RG_SHM_HEADER_BYTES);
  view.mask = header->slots - 1;
  view.probes = header->probes;
  std::memcpy(view.hash_seed, header->hash_seed, sizeof view.hash_seed);
  std::memcpy(view.digest_secret, header->digest_secret, sizeof view.digest_secret);
  return view;
}

// ---- The books ------------------------------------------------------------------------------

void Daemon::check_books() {
  gate_->look_at_pools(now());
  const GateStats& stats = gate_->stats();
  Checker& checker = world_.checker();
  const std::string who = "daemon " + std::to_string(id_) + ": ";
  const std::int64_t held = gate_->held();
  if (stats.reserved != stats.spent + stats.shared + stats.released + stats.stranded + held) {
    checker.fail(who + "reserved " + std::to_string(stats.reserved) + ", spent " +
                 std::to_string(stats.spent) + ", by clients " + std::to_string(stats.shared) +
                 ", given back " + std::to_string(stats.released) + ", stranded " +
                 std::to_string(stats.stranded) + ", held " + std::to_string(held));
  }
  // docs/simulation.md says why it cannot be more.
  const std::int64_t unused = stats.stranded + held - late_;
  if (unused > 3 * wanted_ + kSmallLease) {
    checker.fail(who + std::to_string(unused) + " permits reserved for nobody, and " +
                 std::to_string(wanted_) + " were asked for");
  }
  if (stats.forged != 0) checker.fail(who + "took a word for forged that nobody forged");
  for (const auto& [id, rule] : rules_) {
    if (static_cast<std::int64_t>(rule.use->shared) == rule.spent) continue;
    checker.fail(who + "clients spent " + std::to_string(rule.spent) + " of rule " +
                 std::to_string(id) + ", booked are " + std::to_string(rule.use->shared));
  }
}

}  // namespace rategate::sim
