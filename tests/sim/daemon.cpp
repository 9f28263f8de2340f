#include "tests/sim/daemon.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "daemon/limit/key_uses.hpp"
#include "tests/sim/hooks.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

constexpr int kMostTurns = 10'000;  // of one pump; more, and it spins
// A check is answered at its deadline at the latest; this much later an alarm may be.
constexpr std::int64_t kAlarmLateUs = 2'000;
constexpr std::int64_t kSmallLease = 16;

Link::Options link_options(const Scenario& scenario, int id, Witness* witness) {
  Link::Options options;
  options.address = "store";
  options.witness = witness;
  options.min_replicas = scenario.strict ? scenario.servers - 1 : 0;
  options.greeting.auth = scenario.password;
  options.greeting.select = scenario.database;
  options.connect_timeout_us = 2 * scenario.command_timeout_us;
  options.command_timeout_us = scenario.command_timeout_us;
  options.backoff_max_us = 1'000'000;
  options.jitter_seed = scenario.seed * 2000 + static_cast<std::uint64_t>(id);
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
      table_(16, static_cast<std::uint64_t>(id)),
      cluster_(world.cluster() == nullptr ? nullptr : std::make_unique<ClusterHost>(world, *this)),
      driver_(gate_options(), pools_.get(), *this),
      witness_(world.witness_of(*this)) {
  driver_.gate().set_clients_behind(clock_.clients_behind_ns(), now());
  add_links();
  reload(limits);
}

Gate::Options Daemon::gate_options() {
  const Scenario& scenario = world_.scenario();
  Gate::Options options;
  options.command_timeout_us = scenario.command_timeout_us;
  options.clock.max_error_us = scenario.max_error_us;
  options.seed = {scenario.seed, 1};
  options.jitter_seed = scenario.seed * 1000 + static_cast<std::uint64_t>(id_);
  if (cluster_ == nullptr) return options;
  options.shards = ClusterTopology::kMostShards + 1;  // with that of slots that are nowhere
  options.shard_of = [this](const LimitUse& use, std::string_view key) {
    return cluster_->topology().shard_of(use.names.of(key, 0));
  };
  return options;
}

void Daemon::add_links() {
  const std::uint16_t shards = cluster_ == nullptr ? 1 : ClusterTopology::kMostShards;
  for (std::uint16_t at = 0; at < shards; ++at) {
    Link::Options options = link_options(world_.scenario(), id_, witness_.get());
    options.jitter_seed += std::uint64_t{at} << 32;
    Topology* topology = nullptr;
    if (cluster_ != nullptr) {
      topology = &cluster_->topology().topology({at});
      options.greeting.cluster = true;
      options.witness = topology;
      options.guide = &cluster_->topology().guide({at});
    }
    SimTransport& transport = transports_.emplace_back(world_, *this, topology);
    transport.set_link(driver_.add(options, transport));
  }
}

Mono Daemon::now() const { return clock_.read(world_.events().now()); }

void Daemon::when_awake(EventQueue::Event event) {
  if (!alive_) return;
  if (world_.events().now() >= paused_until_ && asleep_.empty()) return event();
  asleep_.push_back(std::move(event));
}

void Daemon::pause(std::int64_t us) {
  paused_until_ = std::max(paused_until_, world_.events().now() + us);
  paused_us_ += us;
  world_.events().at(paused_until_, [this] { wake(); });
}

void Daemon::suspend(std::int64_t us) {
  suspended_us_ += us;
  pause(us);
}

// What came meanwhile, in the order in which it came.
void Daemon::wake() {
  if (is_suspended() && world_.events().now() >= paused_until_) {
    clock_.suspended_for(std::exchange(suspended_us_, 0));
    driver_.gate().set_clients_behind(clock_.clients_behind_ns(), now());
  }
  while (alive_ && !asleep_.empty() && world_.events().now() >= paused_until_) {
    const EventQueue::Event event = std::move(asleep_.front());
    asleep_.pop_front();
    event();
  }
}

void Daemon::start() {
  if (cluster_ != nullptr) cluster_->topology().start(now());
  driver_.start(now());
  pump();
}

void Daemon::kill() {
  alive_ = false;
  if (cluster_ != nullptr) cluster_->topology().stop();
  for (SimTransport& transport : transports_) transport.close();
  // Who asked sees the connection close.
  answered_ += static_cast<std::int64_t>(waiting_.size() + combining_.size());
  waiting_.clear();
  combining_.clear();
  combined_lines_.clear();
  acquiring_.clear();
}

void Daemon::stop() {
  driver_.stop(now());
  hand_out();
  check_books();
  if (!waiting_.empty() || !combining_.empty())
    world_.checker().fail("a daemon stopped with checks unanswered");
  kill();
}

void Daemon::reload(const std::vector<Limit>& limits) {
  const bool first = table_.configured_count() == 0;
  table_.configure(limits, LimitTable::kNoClock);
  for (const Limit& limit : limits) {
    const LimitUsePtr use = table_.configured(limit.name);
    rules_[use->rule].use = use;
  }
  if (first) return;
  driver_.gate().drop_limits(now());
  pump();
}

// ---- Those who ask --------------------------------------------------------------------------

void Daemon::ask(int limit, int key, std::int64_t cost, std::uint32_t flow) {
  const Ask ask = begin(limit, key, cost, flow);
  wanted_ += cost;
  if (world_.scenario().acquires && asked_ % kAcquireOneIn == 0) return acquire(ask);
  if (world_.scenario().combines && asked_ % kCombineOneIn == 0 && combine(ask)) return;
  const LimitUsePtr& use =
      table_.configured(world_.scenario().limits[static_cast<std::size_t>(limit)].name);
  check({use, world_.key(limit, key), cost, ++tickets_, flow}, ask);
  if (world_.scenario().clears && asked_ % kClearOneIn == 0) clear(limit, key);
  if (world_.scenario().peeks && asked_ % kLookOneIn == 0) look(begin(limit, key, cost, flow));
}

namespace {
BucketNumbers bucket_numbers_of(const LimitUse& use) {
  const std::int64_t burst = burst_of(*use.limit);
  BucketNumbers numbers{use.fill_rate, use.log, burst};
  if (use.leased) {
    numbers.believed_us = pause_us(use.slices, use.fill_us);
    numbers.nothing = next_to_nothing(use.slices, use.fill_us, burst);
  }
  return numbers;
}
}  // namespace

Ask Daemon::begin(int limit, int key, std::int64_t cost, std::uint32_t flow) {
  const LimitUsePtr& use =
      table_.configured(world_.scenario().limits[static_cast<std::size_t>(limit)].name);
  const LimitUsePtr by_rule =
      use->by_key == nullptr ? nullptr : use->by_key->find(world_.key(limit, key), 0);
  const LimitUse& numbers = by_rule == nullptr ? *use : *by_rule;
  Ask ask{limit, key, cost, flow, numbers.shown->permits, {}, world_.events().now()};
  if (!numbers.limit->algorithm->has_windows) ask.bucket = bucket_numbers_of(numbers);
  world_.account(limit, key, ask.asked_us);  // whoever asks says of which limit a counter is
  return ask;
}

void Daemon::check(const Request& request, Ask ask) {
  ++asked_;
  const CheckResult result = driver_.gate().check(request, now());
  if (result.waits) {
    waiting_.emplace(request.ticket, ask);
    return;
  }
  ask.in_place = true;
  ++decided_at_once_;
  told(ask, result.verdict, result.decision);
  const bool copied = world_.scenario().pipelines && asked_ % kCopiedOneIn == 0;
  if (result.verdict == Verdict::Decided && copied && !ask.looks) {
    repeat(request, ask, result.decision);
  }
}

void Daemon::look(Ask ask) {
  const LimitUsePtr& use =
      table_.configured(world_.scenario().limits[static_cast<std::size_t>(ask.limit)].name);
  ask.looks = true;
  ask.allowed = world_.account(ask.limit, ask.key, window_time(ask, ask.asked_us)).allowed;
  const auto looks = rategate::Ask::look(ask.cost);
  check({use, world_.key(ask.limit, ask.key), looks, ++tickets_, ask.flow}, ask);
}

// What a pipeline that says the same again makes of it.
void Daemon::repeat(const Request& request, const Ask& ask, const Decision& decided) {
  const auto copies = 1 + asked_ % kMostCopies;
  const std::int64_t done = driver_.gate().repeat(request, decided, copies, now());
  if (done < 0 || done > copies) world_.checker().fail("more copies were answered than there are");
  for (std::int64_t i = 0; i < done; ++i) {
    ++asked_;
    wanted_ += ask.cost;
    told(ask, Verdict::Decided, decided);
  }
}

void Daemon::nudge(std::uint32_t slot) {
  driver_.gate().nudged(SlotId{slot}, now());
  pump();
}

std::int64_t Daemon::answered_within_us() const {
  return world_.scenario().command_timeout_us * 1001 / 1000 + paused_us_ + kAlarmLateUs;
}

void Daemon::told(const Ask& ask, Verdict verdict, const Decision& decision) {
  ++answered_;
  Checker& checker = world_.checker();
  const std::int64_t at = world_.events().now();
  const std::int64_t took = at - ask.asked_us;
  // Who waits for a booking when it is over waits for the store to confirm it.
  const std::int64_t more_us =
      ask.waits_us > 0 ? ask.waits_us + world_.scenario().command_timeout_us : 0;
  if (took > answered_within_us() + more_us * 1001 / 1000) {
    checker.fail("a check was answered after " + std::to_string(took) + " us");
  }
  if (ask.looks) return verdict == Verdict::Decided ? saw(ask, decision) : void();
  world_.judge().told(*this, ask, verdict, decision);
  if (verdict != Verdict::Decided) return;
  const LimitPlan& plan = world_.scenario().limits[static_cast<std::size_t>(ask.limit)];
  if (decision.allowed && decision.reason == Reason::StoreAway &&
      plan.on_store_down == OnStoreDown::Allow) {
    return;
  }
  judge_block(ask, decision);
  told_of(ask, decision, at);
}

void Daemon::told_of(const Ask& ask, const Decision& decision, std::int64_t at) {
  Checker& checker = world_.checker();
  const bool over = !decision.allowed && decision.reason == Reason::OverLimit;
  if (!over && !decision.allowed) return;
  const std::int64_t counted_at = window_time(ask, at);
  Checker::Account& account = world_.account(ask.limit, ask.key, counted_at);
  if (over && ask.waits_us > 0) return;  // it may be behind others
  if (over && ask.bucket) {
    checker.denied(id_, account, ask.cost, *ask.bucket, ask.asked_us, at);
  } else if (over) {
    checker.denied(account, ask.cost, ask.permits);
  } else {
    checker.spent(id_, account, ask.cost, true, counted_at);
    Checker::allowed(account, ask.cost, ask.asked_us, at);
    if (ask.in_place && decision.reason == Reason::Counted) {
      Checker::spent_of_leases(id_, account, ask.cost, at);
    }
    const bool settles = world_.scenario().settles && decision.reason == Reason::Counted;
    if (settles && answered_ % kSettleOneIn == 0) settle_later(ask, decision.receipt, at);
  }
}

// What it says was true of some moment since it was asked. That there is something is no promise;
// but there is nothing where all of the limit had been allowed before.
void Daemon::saw(const Ask& ask, const Decision& decision) {
  const std::int64_t at = world_.events().now();
  const LimitPlan& plan = world_.scenario().limits[static_cast<std::size_t>(ask.limit)];
  Checker& checker = world_.checker();
  Checker::Account& then = world_.account(ask.limit, ask.key, window_time(ask, ask.asked_us));
  Checker::Account& account = world_.account(ask.limit, ask.key, window_time(ask, at));
  const bool over = !decision.allowed && decision.reason == Reason::OverLimit;
  if (over && ask.bucket) {
    checker.denied(id_, account, ask.cost, *ask.bucket, ask.asked_us, at);
  } else if (over) {
    checker.denied(account, ask.cost, ask.permits);
  } else if (decision.reason == Reason::Counted && !ask.bucket && cluster_ == nullptr &&
             &then == &account && plan.on_store_down != OnStoreDown::Allow) {
    checker.seen(account, ask.cost + ask.allowed);
  }
}

// By the clock that tells the counter's windows.
std::int64_t Daemon::window_time(const Ask& ask, std::int64_t at_us) {
  return cluster_ == nullptr ? at_us
                             : at_us + cluster_->skew_us(world_.counter(ask.limit, ask.key));
}

void Daemon::hand_out() {
  for (const Answer& answer : std::exchange(driver_.gate().answers(), {})) {
    const auto found = waiting_.find(answer.ticket);
    if (combined(answer.ticket, answer.verdict, answer.decision)) continue;
    if (found == waiting_.end()) {
      world_.checker().fail("a check was answered twice");
      continue;
    }
    const Ask ask = found->second;
    waiting_.erase(found);
    if (ask.waits_us > 0) acquired(answer.ticket, ask, answer.decision);
    told(ask, answer.verdict, answer.decision);
  }
}

// ---- The loop -------------------------------------------------------------------------------

void Daemon::pump() {
  if (!alive_) return;
  int turns = 0;
  do {
    if (cluster_ != nullptr) {
      hand_out();  // by the clocks of the shards that counted
      cluster_->topology().turn(now());
    }
    driver_.pump(now());
    if (cluster_ != nullptr) cluster_->topology().pump();
    hand_out();
    hand_out_cleared();
    if (++turns > kMostTurns) return world_.checker().fail("the loop spins");
  } while (next_turn() <= now());
  world_.judge().pumped(*this);
  set_alarm();
}

Mono Daemon::next_turn() const {
  const Mono next = driver_.next_turn();
  return cluster_ == nullptr ? next : std::min(next, cluster_->topology().next_turn());
}

bool Daemon::is_up() const {
  if (cluster_ == nullptr) return link().state() == Link::State::Up;
  int up = 0;
  for (std::uint16_t at = 0; at < ClusterTopology::kMostShards; ++at) {
    if (!cluster_->topology().is_in_use({at})) continue;
    if (driver_.link({at}).state() != Link::State::Up) return false;
    ++up;
  }
  return up == world_.scenario().shards;
}

void Daemon::cut_off(const std::set<const Store*>& from, bool silent) {
  for (SimTransport& transport : transports_) {
    if (from.contains(transport.store())) transport.cut_off(silent);
  }
  cluster_->cut_off(from, silent);
  pump();
}

void Daemon::set_alarm() {
  const Mono next = next_turn();
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

void Daemon::replied(Link& link, const Call& call, const Reply& reply, Mono received) {
  const std::uint64_t late = driver_.gate().stats().late_answers;
  const std::int64_t reserved = driver_.gate().books().totals().reserved;
  link.replied(reply, received, now());
  // Those that were held till then are used with it.
  if (call.kind == Call::Kind::Replication && driver_.gate().stats().late_answers > late) {
    late_ += driver_.gate().books().totals().reserved - reserved;
  }
}

void Daemon::answered_again(std::uint64_t reservation, const ReserveAnswer& answer) {
  driver_.gate().answered(reservation, answer, now());
}

void Daemon::store_event(const StoreEvent& event) {
  using What = StoreEvent::What;
  heard_of_loss_ =
      heard_of_loss_ || event.what == What::WindowsLost || event.what == What::WereLost;
  world_.judge().store_event(*this, event);
}

// ---- Its clients ----------------------------------------------------------------------------

rg_shm_rule Daemon::resolve(int limit) {
  driver_.gate().share();
  const LimitUsePtr use =
      table_.configured(world_.scenario().limits[static_cast<std::size_t>(limit)].name);
  const Limit& numbers = *use->limit;
  const SharedWords words = shared_words_of(*use);
  rg_shm_rule rule{};
  rule.id = use->rule;
  rule.limit = numbers.permits;
  rule.period_ms = numbers.period_ms;
  rule.shared = use->is_shared() || may_ban(*use);
  rule.keyed = numbers.redis_key.has_key();
  rule.kind = words.kind;
  rule.burst = words.burst;
  rule.ms_per_permit_2_32 = rg_shm_ms_per_permit(rule.limit, rule.period_ms);
  rule.longest_ms = words.longest_ms;
  return rule;
}

BucketNumbers Daemon::bucket_numbers(std::uint64_t rule, std::string_view key) const {
  const LimitUse& use = *rules_.at(rule).use;
  const LimitUsePtr by_rule = use.by_key != nullptr ? use.by_key->find(key, 0) : nullptr;
  return bucket_numbers_of(by_rule != nullptr ? *by_rule : use);
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
  Gate& gate = driver_.gate();
  gate.look_at_pools(now());
  const Books::Totals& books = gate.books().totals();
  Checker& checker = world_.checker();
  const std::string who = "daemon " + std::to_string(id_) + ": ";
  const std::int64_t gone = books.spent + books.spent_by_clients + books.released + books.stranded;
  if (books.reserved + books.settled + books.put_back != gone + gate.counted()) {
    checker.fail(who + "reserved " + std::to_string(books.reserved) + ", settled " +
                 std::to_string(books.settled) + ", put back " + std::to_string(books.put_back) +
                 ", spent " + std::to_string(books.spent) + ", by clients " +
                 std::to_string(books.spent_by_clients) + ", given back " +
                 std::to_string(books.released) + ", stranded " + std::to_string(books.stranded) +
                 ", held " + std::to_string(gate.counted()));
  }
  // docs/simulation.md says why it cannot be more, but where each CLEAR gives up what is held.
  const std::int64_t unused = books.stranded + gate.counted() - late_;
  if (!world_.scenario().clears && unused > 3 * wanted_ + kSmallLease) {
    checker.fail(who + std::to_string(unused) + " permits reserved for nobody, and " +
                 std::to_string(wanted_) + " were asked for");
  }
  if (gate.stats().forged != 0) checker.fail(who + "took a word for forged that nobody forged");
  for (const auto& [id, rule] : rules_) {
    const std::int64_t booked =
        static_cast<std::int64_t>(rule.use->tally->shared) - rule.use->tally->put_back;
    if (booked >= rule.spent && booked <= rule.spent + rule.carried) continue;
    checker.fail(who + "clients spent " + std::to_string(rule.spent) + " of rule " +
                 std::to_string(id) + ", booked are " + std::to_string(booked));
  }
}

}  // namespace rategate::sim
