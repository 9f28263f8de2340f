#include "tests/sim/world.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "daemon/limit/counter_names.hpp"
#include "daemon/limit/spread.hpp"
#include "tests/sim/calendars.hpp"
#include "tests/sim/hooks.hpp"

namespace rategate::sim {
namespace {
constexpr int kMostNested = 3;
// Longer than any time-out, back-off or pause: what is under way has come to its end.
constexpr std::int64_t kQuietUs = 4'000'000;
// The longest that a check waits, a pause and all.
constexpr std::int64_t kWaitingUs = 2'500'000;

// What rules for keys multiply the limit's numbers by, in quarters: at first, and at the most.
constexpr std::int64_t kFirstScale = 6;
constexpr std::int64_t kMostScale = 8;
// The checker knows what a rule makes of a limit by a number of its own.
constexpr int kNumbersOfRules = 1000;

int number_of_rule(int limit, std::size_t rule) {
  return limit + kNumbersOfRules * static_cast<int>(rule + 1);
}

std::optional<std::size_t> rule_of(const Limit& limit, std::string_view key) {
  return limit.key_rules == nullptr || key.empty() ? std::nullopt : limit.key_rules->find(key);
}

bool has_rules_of(const Limit& limit, const Limit& other) {
  if (limit.key_rules == nullptr) return true;
  return limit.key_rules->all() == other.key_rules->all();
}

Limit numbers_of(const Limit& limit, std::string_view key) {
  const auto rule = rule_of(limit, key);
  return rule ? limit_for_keys(limit, limit.key_rules->all()[*rule]) : limit;
}

std::string name_of(const Limit& limit, std::string_view key, std::int64_t start_ms) {
  return counter_names(limit).of(key, start_ms);
}
}  // namespace

World::World(const Scenario& scenario)
    : scenario_(scenario),
      events_(scenario.start_us),
      random_(scenario.seed),
      store_(events_, checker_, scenario.password),
      judge_(judge_for(*this)),
      end_us_(scenario.start_us + scenario.length_us) {
  if (scenario.kind == Kind::Outside) checker_.promise_nothing();
  checker_.tell_time([this] { return events_.now(); });
  if (scenario.reloads > 0) checker_.reloads();
  if (scenario.combines) checker_.puts_back();
  if (scenario.blocks) checker_.blocks_keys();
  checker_.settles_in_store(scenario.settles_in_store);
  if (!scenario.settles) checker_.nobody_settles();
  if (scenario.no_records) store_.forbid_records();
  if (scenario.late) checker_.tell_late();
  // What a server grants that was replaced is not used by who asks it who it is.
  if (scenario.lasts() && scenario.no_records) checker_.many_stores();
  if (scenario.servers > 0) {
    replicas_ = std::make_unique<Replicas>(*this, scenario.servers);
    checker_.many_stores();
  }
  for (const LimitPlan& plan : scenario.limits) base_limits_.push_back(limit_of(plan));
  if (scenario.shards > 0) {
    cluster_ = std::make_unique<Cluster>(*this);
    if (scenario.failovers > 0) checker_.many_stores();
  }
  hosts_.reserve(static_cast<std::size_t>(scenario.hosts));
  for (int i = 0; i < scenario.hosts; ++i) add_host(i);
  set_step([this] { step(); });
}

World::~World() { set_step(nullptr); }

Limit World::limit_of(const LimitPlan& plan) const {
  Limit limit;
  limit.name = plan.name;
  limit.permits = plan.permits;
  limit.period_ms = plan.period_ms;
  if (plan.uneven) limit.calendar = std::make_shared<const UnevenCalendar>();
  limit.mode = plan.mode;
  limit.on_store_down = plan.on_store_down;
  limit.on_store_lost = plan.on_store_lost;
  limit.redis_key = *KeyTemplate::parse(plan.redis_key);
  limit.spread = plan.spread;
  limit.settle = scenario_.settles_in_store ? Settle::Store : Settle::Host;
  if (plan.bucket) {
    limit.algorithm = &kTokenBucket;
    limit.burst = plan.burst;
  }
  if (plan.log) limit.algorithm = &kSlidingWindow;
  if (scenario_.blocks) limit.block_for_ms = std::max<std::int64_t>(50, plan.period_ms * 3 / 2);
  if (plan.keyed) add_rules(limit, kFirstScale);
  return limit;
}

// The first keys are hot. Some have more than the limit, and others less.
void World::add_rules(Limit& limit, std::int64_t scale) const {
  if (!scenario_.rules) return;
  std::vector<KeyRule> rules;
  for (const auto& [pattern, quarters] :
       {std::pair("key0", scale), std::pair("*key1*", kMostScale + 1 - scale)}) {
    KeyRule& rule = rules.emplace_back();
    rule.pattern = pattern;
    rule.permits = std::clamp(limit.permits * quarters / 4, limit.spread, kMaxPermits);
    if (limit.burst)
      rule.burst = std::clamp<std::int64_t>(*limit.burst * quarters / 4, 1, kMaxPermits);
  }
  limit.key_rules = std::make_shared<const KeyRules>(std::move(rules));
}

std::string_view World::key(int limit, int key) {
  if (!scenario_.limits[static_cast<std::size_t>(limit)].keyed) return {};
  while (keys_.size() <= static_cast<std::size_t>(key)) {
    const std::size_t number = keys_.size();
    std::string& added = keys_.emplace_back("key" + std::to_string(number));
    // Some are longer than a slot has room for, and alike in what it would keep.
    if (number % 4 == 3) added.insert(0, "a-key-that-is-longer-than-a-slot-has-room-for-");
  }
  return keys_[static_cast<std::size_t>(key)];
}

std::string World::counter(int limit, int key) {
  const Limit& numbers = base_limits_[static_cast<std::size_t>(limit)];
  return name_of(numbers, this->key(limit, key), 0);
}

std::string World::any_counter(int limit, int key) {
  const Limit& numbers = base_limits_[static_cast<std::size_t>(limit)];
  if (numbers.spread == 1) return counter(limit, key);
  const std::vector<Limit> subs = sub_limits_of(numbers);
  return name_of(subs[static_cast<std::size_t>(random_.below(numbers.spread))],
                 this->key(limit, key), 0);
}

Checker::Account& World::account(int limit, int key, std::int64_t at_us) {
  const Limit& base = base_limits_[static_cast<std::size_t>(limit)];
  if (!base.redis_key.has_key()) key = 0;
  const auto rule = rule_of(base, this->key(limit, key));
  const int number = rule ? number_of_rule(limit, *rule) : limit;
  if (!base.algorithm->has_windows) {
    return checker_.account(limit * 1'000'000 + key, number, kBucketWindow,
                            [&] { return counter(limit, key); });
  }
  const Limit numbers = numbers_of(base, this->key(limit, key));
  const Window window = rategate::place(numbers, {{at_us}, {at_us}}).window;
  const std::int64_t start = window.start_ms;
  Checker::Account& account = checker_.account(limit * 1'000'000 + key, number, window, [&] {
    return name_of(numbers, this->key(limit, key), start);
  });
  if (numbers.spread == 1 || !account.subs.empty()) return account;
  for (const Limit& sub : sub_limits_of(numbers)) {
    checker_.add_sub(account, name_of(sub, this->key(limit, key), start), sub.permits);
  }
  return account;
}

// As if buckets had windows, too.
std::int64_t World::edge_after(int limit, std::int64_t us) const {
  const Limit& numbers = base_limits_[static_cast<std::size_t>(limit)];
  if (numbers.calendar != nullptr) return numbers.calendar->window_at(us / 1000).end_ms * 1000;
  const std::int64_t period_us = numbers.period_ms * 1000;
  return (us / period_us + 1) * period_us;
}

Daemon* World::daemon(int host) {
  Daemon* daemon = hosts_[static_cast<std::size_t>(host)].daemon;
  return daemon != nullptr && daemon->alive() ? daemon : nullptr;
}

std::int64_t World::longest_period_us() const {
  std::int64_t period = 0;
  for (const LimitPlan& plan : scenario_.limits) period = std::max(period, plan.period_ms * 1000);
  return period;
}

// ---- Hosts ----------------------------------------------------------------------------------

void World::add_host(int number) {
  HostClock clock(random_.between(1'000'000, 1'000'000'000'000), events_.now(),
                  random_.between(-900, 900));
  std::vector<Limit> limits = base_limits_;
  if (number < scenario_.differing) {
    for (Limit& limit : limits) {
      limit.permits = random_.any_size(1, 2 * limit.permits);
      if (limit.key_rules != nullptr) add_rules(limit, random_.between(1, kMostScale));
    }
  }
  for (std::size_t i = 0; i < limits.size(); ++i) in_force(static_cast<int>(i), limits[i], 0);
  clock.suspended_for(random_.any_size(1, 1'000'000'000'000));
  hosts_.push_back({clock, limits, nullptr, {}});
  start_daemon(number);
  for (int i = 0; i < scenario_.processes; ++i) {
    hosts_.back().processes.push_back(
        std::make_unique<Process>(*this, number, static_cast<std::uint32_t>(i + 1),
                                  random_.percent(scenario_.socket_percent)));
  }
}

void World::in_force(int number, const Limit& limit, std::int64_t from_us) {
  if (limit.key_rules != nullptr) {
    const std::vector<KeyRule>& rules = limit.key_rules->all();
    for (std::size_t i = 0; i < rules.size(); ++i) {
      in_force(number_of_rule(number, i), limit_for_keys(limit, rules[i]), from_us);
    }
  }
  if (limit.algorithm->has_windows) return checker_.in_force(number, limit.permits, from_us);
  checker_.in_force(
      number, {fill_rate(limit.permits, limit.period_ms), log_numbers_of(limit), burst_of(limit)});
}

void World::out_of_force(int number, const Limit& limit, std::int64_t until_us) {
  checker_.out_of_force(number, limit.permits, until_us);
  if (limit.key_rules == nullptr) return;
  const std::vector<KeyRule>& rules = limit.key_rules->all();
  for (std::size_t i = 0; i < rules.size(); ++i) {
    checker_.out_of_force(number_of_rule(number, i), rules[i].permits, until_us);
  }
}

void World::start_daemon(int number) {
  Host& host = hosts_[static_cast<std::size_t>(number)];
  auto old = host.daemon == nullptr ? nullptr : host.daemon->memory();
  const int id = static_cast<int>(daemons_.size());
  // The order in which limits are numbered may be another with each start.
  std::vector<Limit> limits = host.limits;
  std::rotate(limits.begin(), limits.begin() + id % static_cast<int>(limits.size()), limits.end());
  daemons_.push_back(std::make_unique<Daemon>(*this, id, host.clock, limits, std::move(old)));
  host.daemon = daemons_.back().get();
  host.daemon->start();
}

void World::end_daemon(int number, bool orderly) {
  Host& host = hosts_[static_cast<std::size_t>(number)];
  Daemon* daemon = this->daemon(number);
  if (daemon == nullptr) return;
  if (orderly) {
    daemon->when_awake([daemon] { daemon->stop(); });
  } else {
    daemon->kill();
  }
  events_.in(random_.any_size(1000, 500'000), [this, number, daemon, &host] {
    if (host.daemon != daemon) return;
    if (daemon->alive()) daemon->kill();  // it was paused all the time
    start_daemon(number);
  });
}

void World::reload(int number, const std::vector<std::int64_t>& permits, std::int64_t scale) {
  Host& host = hosts_[static_cast<std::size_t>(number)];
  for (std::size_t i = 0; i < permits.size(); ++i) {
    Limit next = host.limits[i];
    next.permits = permits[i];
    if (next.key_rules != nullptr) add_rules(next, scale);
    if (host.limits[i].permits == next.permits && has_rules_of(host.limits[i], next)) continue;
    // Checks that wait are judged by the old number, and a daemon that was killed leaves what it
    // had prepared.
    const bool killed = daemons_.size() > hosts_.size() || daemon(number) == nullptr;
    out_of_force(static_cast<int>(i), host.limits[i],
                 events_.now() + kWaitingUs + (killed ? 3 * longest_period_us() : 0));
    host.limits[i] = next;
    in_force(static_cast<int>(i), host.limits[i], events_.now());
  }
  Daemon* daemon = this->daemon(number);
  if (daemon != nullptr) daemon->reload(host.limits);
}

void World::reload_all() {
  std::vector<std::int64_t> permits;
  for (const Limit& limit : base_limits_) {
    const int one_in = scenario_.rules ? 2 : 3;  // so that some reloads are of rules alone
    permits.push_back(random_.one_in(one_in) ? limit.permits
                                             : random_.any_size(1, 2 * limit.permits));
  }
  const std::int64_t scale = scenario_.rules ? random_.between(1, kMostScale) : kFirstScale;
  for (int i = 0; i < scenario_.hosts; ++i) {
    events_.in(random_.below(20'000), [this, i, permits, scale] {
      Daemon* daemon = this->daemon(i);
      if (daemon == nullptr) return reload(i, permits, scale);
      daemon->when_awake([this, i, permits, scale] { reload(i, permits, scale); });
    });
  }
}

// ---- Who asks -------------------------------------------------------------------------------

void World::next_check(Process& process, std::int64_t gap_us) {
  // In bursts, and with quiet times.
  std::int64_t wait = random_.below(2 * gap_us) + 1;
  if (random_.one_in(3)) wait /= 8;
  if (random_.one_in(60)) wait *= 40;
  std::int64_t at = events_.now() + wait;
  const int limit =
      static_cast<int>(random_.below(static_cast<std::int64_t>(scenario_.limits.size())));
  if (random_.percent(scenario_.edge_percent)) {
    const std::int64_t edge = edge_after(limit, at - 1) + random_.between(-6000, 3000);
    if (edge - at < 8 * gap_us) at = std::max(at, edge);
  }
  if (at >= end_us_) return;
  events_.at(at, [this, &process, gap_us, limit] {
    ++checks_;
    // The first keys are hot.
    const std::int64_t key = std::min(random_.below(scenario_.keys), random_.below(scenario_.keys));
    const std::int64_t cost = random_.one_in(3) ? random_.between(1, scenario_.max_cost) : 1;
    next_check(process, gap_us);
    process.check(limit, static_cast<int>(key), cost);
  });
}

void World::plan_checks() {
  for (Host& host : hosts_) {
    // Some hosts are busy, others are nearly idle.
    const std::int64_t host_gap = scenario_.gap_us * random_.between(1, 4) / 2 + 1;
    const bool is_quiet = scenario_.quiet_us > 0 && &host == &hosts_.front();
    for (auto& process : host.processes) {
      const auto begin = [this, host_gap, &asks = *process] { next_check(asks, host_gap); };
      if (is_quiet) {
        events_.in(scenario_.quiet_us, begin);
      } else {
        begin();
      }
    }
  }
}

void World::next_recipe(std::int64_t skew_us, std::int64_t gap_us) {
  const std::int64_t at = events_.now() + 1 + random_.below(2 * gap_us);
  if (at >= end_us_) return;
  events_.at(at, [this, skew_us, gap_us] {
    next_recipe(skew_us, gap_us);
    const std::int64_t period_s = std::max<std::int64_t>(1, base_limits_[0].period_ms / 1000);
    const std::int64_t believed_us = events_.now() + skew_us;
    events_.in(random_.below(2 * scenario_.delay_us) + 1, [this, believed_us, period_s] {
      store_.serve(0, [this, believed_us, period_s] {
        store_.recipe(account(0, 0, believed_us), period_s);
      });
    });
  });
}

void World::plan_recipe() {
  for (int i = 0; i < scenario_.recipe_callers; ++i) {
    next_recipe(random_.between(-scenario_.recipe_skew_us, scenario_.recipe_skew_us),
                scenario_.gap_us * random_.between(1, 8));
  }
}

// ---- What befalls them ----------------------------------------------------------------------

void World::some_times(int times, const std::function<void()>& fault) {
  for (int i = 0; i < times; ++i) events_.in(random_.below(scenario_.length_us), fault);
}

void World::plan_faults() {
  const auto any_host = [this] { return static_cast<int>(random_.below(scenario_.hosts)); };
  some_times(scenario_.losses, [this, any_host] {
    Daemon* daemon = this->daemon(any_host());
    if (daemon != nullptr) daemon->when_awake([daemon] { daemon->cut_link(); });
  });
  some_times(scenario_.pauses, [this, any_host] {
    Host& host = hosts_[static_cast<std::size_t>(any_host())];
    if (host.daemon == nullptr || !host.daemon->alive()) return;
    const std::int64_t us = random_.any_size(1000, 1'500'000);
    if (random_.one_in(2)) return host.daemon->pause(us);
    host.clock.suspended_for(us);
    host.daemon->suspend(us);
  });
  some_times(scenario_.kills, [this, any_host] {
    // Who starts knows of a loss what the store has been told of it.
    const bool greets = scenario_.is_like(Kind::Greeting);
    if (greets && !store_.knows_losses()) return;
    // An orderly end may come later, when the store has lost more.
    end_daemon(any_host(), !greets && random_.one_in(2));
  });
  some_times(scenario_.reloads, [this] { reload_all(); });
  if (cluster_) {
    cluster_->plan();
  } else if (replicas_) {
    replicas_->plan();
  } else {
    plan_store_faults();
  }
}

void World::plan_store_faults() {
  some_times(scenario_.refusals, [this] { store_.refuse(random_.any_size(1000, 500'000)); });
  some_times(scenario_.stalls, [this] { store_.stall(random_.any_size(1000, 400'000)); });
  some_times(scenario_.flushes, [this] { store_.flush_scripts(); });
  some_times(scenario_.outages, [this] {
    store_.cut_off(random_.any_size(1000, 1'000'000));
    cut_all();
  });
  some_times(scenario_.lockouts, [this] {
    store_.lock(random_.any_size(1000, 1'000'000));
    if (random_.one_in(2)) cut_all();
  });
  some_times(scenario_.set_backs,
             [this] { store_.set_back(random_.between(kLeastSetBackUs, scenario_.set_back_us)); });
  some_times(scenario_.evictions, [this] { store_.evict_counters(); });
  some_times(scenario_.restarts, [this] {
    if (scenario_.kind == Kind::Outside && random_.one_in(2)) return store_.forget_counters();
    replace_store([this] {
      const bool loads = random_.one_in(2);
      store_.restart(random_.any_size(1, 300'000), loads ? random_.any_size(1000, 1'000'000) : 0,
                     random_.one_in(3));
      // It comes back without its replicas, say, and takes no writes until they are there.
      if (scenario_.refusals > 0) store_.refuse(random_.any_size(1000, 1'000'000));
      cut_all();
    });
  });
  some_times(scenario_.promotions, [this] { replace_store([this] { demote_store(); }); });
  some_times(scenario_.flushalls, [this] {
    replace_store([this] {
      store_.flush_all();
      const std::int64_t away_us = random_.between(7'000'000, 12'000'000);
      if (scenario_.late && events_.now() + away_us < end_us_) daemon(0)->pause(away_us);
    });
  });
  if (scenario_.failovers > 0) replicate();
  some_times(scenario_.failovers, [this] {
    replace_store([this] {
      store_.fail_over(random_.any_size(1, 1'000'000));
      cut_all();
    });
  });
}

void World::replicate() {
  store_.replicate();
  const std::int64_t at = events_.now() + 1 + random_.below(2 * scenario_.lag_us);
  if (at < end_us_) events_.at(at, [this] { replicate(); });
}

// Some see by an error that they have to greet it anew, and some are cut off.
void World::demote_store() {
  store_.demote();
  if (random_.one_in(2)) cut_all();
  events_.in(random_.any_size(1, 700'000), [this] {
    const bool throws_out = random_.one_in(2);
    store_.promote(throws_out);
    if (throws_out) cut_all();
  });
}

// Often shortly before an edge, when hosts hold permits of the next window already.
void World::replace_store(const std::function<void()>& how) {
  if (!scenario_.judges_losses() || random_.one_in(2)) return lose_store(how);
  const auto limit = static_cast<int>(random_.below(std::ssize(scenario_.limits)));
  const std::int64_t period_us = scenario_.limits[static_cast<std::size_t>(limit)].period_ms * 1000;
  const std::int64_t left_us = edge_after(limit, events_.now()) - events_.now();
  const std::int64_t before_us = std::min(left_us, random_.any_size(1, period_us / 2));
  if (events_.now() + left_us - before_us >= end_us_) return lose_store(how);
  events_.in(left_us - before_us, [this, how] { lose_store(how); });
}

// Not before each daemon knows whom it has greeted: who has never asked cannot know that something
// was lost.
void World::lose_store(const std::function<void()>& how) {
  const bool judged = scenario_.judges_losses();
  for (int i = 0; i < scenario_.hosts && judged; ++i) {
    Daemon* daemon = this->daemon(i);
    if (daemon == nullptr || daemon->link().status().run_id.empty()) return;
  }
  // Who stands still over it hears of it late, while its processes spend what it had leased.
  if (judged && random_.one_in(3)) {
    const int host = static_cast<int>(random_.below(scenario_.hosts));
    daemon(host)->pause(random_.between(1000, 2'000'000));
  }
  how();
}

// Those that are paused find out when they go on.
void World::cut_all() {
  for (int i = 0; i < scenario_.hosts; ++i) {
    Daemon* daemon = this->daemon(i);
    if (daemon != nullptr) daemon->when_awake([daemon] { daemon->cut_link(); });
  }
}

// Between two steps of a process on shared memory.
void World::step() {
  if (depth_ >= kMostNested || !random_.percent(scenario_.step_percent)) return;
  ++depth_;
  const std::int64_t us = random_.any_size(1, std::max<std::int64_t>(1, scenario_.step_us));
  events_.run_until(std::min(events_.now() + us, end_us_));
  --depth_;
}

void World::next_even_check(Process& process, std::int64_t gap_us) {
  const std::int64_t at = events_.now() + 1 + random_.below(2 * gap_us - 1);
  if (at >= end_us_) return;
  events_.at(at, [this, &process, gap_us] {
    ++checks_;
    next_even_check(process, gap_us);
    for (int i = 0; i < scenario_.batch; ++i) process.check(0, 0, 1);
  });
}

std::string World::run_evenly(int busy, std::int64_t gap_us) {
  for (int i = 0; i < scenario_.hosts; ++i) {
    const std::int64_t gap = i < busy ? gap_us : scenario_.limits[0].period_ms * 400;
    for (auto& process : hosts_[static_cast<std::size_t>(i)].processes) {
      next_even_check(*process, std::max<std::int64_t>(1, gap));
    }
  }
  return run_planned();
}

std::string World::run() {
  if (!judge_->plan()) {
    plan_checks();
    plan_recipe();
    plan_faults();
  }
  return run_planned();
}

std::string World::run_planned() {
  // Until something is wrong, or the end.
  const std::int64_t stride = std::max<std::int64_t>(1, scenario_.length_us / 16);
  while (events_.now() < end_us_ && checker_.failure().empty()) {
    events_.run_until(std::min(end_us_, events_.now() + stride));
  }
  if (!checker_.failure().empty()) return checker_.failure();
  events_.run_until(end_us_ + kQuietUs);
  checker_.finish();
  judge_->finish();
  for (const auto& daemon : daemons_) {
    if (daemon->alive()) daemon->check_books();
    if (daemon->alive() && is_near() && !daemon->is_up()) {
      checker_.fail("daemon " + std::to_string(daemon->id()) + ": not up again at the end");
    }
    if (daemon->alive() && checker_.is_all_there() && daemon->took_for_lost()) {
      checker_.fail("daemon " + std::to_string(daemon->id()) + ": took a window for lost");
    }
    if (daemon->alive() && daemon->clearing() > 0) {
      checker_.fail("daemon " + std::to_string(daemon->id()) + ": a CLEAR is not answered");
    }
    if (daemon->asked() != daemon->answered()) {
      checker_.fail("daemon " + std::to_string(daemon->id()) + ": " +
                    std::to_string(daemon->asked() - daemon->answered()) + " checks unanswered");
    }
  }
  return checker_.failure();
}

// A greeting, which is three trips, is over in time.
bool World::is_near() const {
  // Who knows of buckets asks in quiet times as well, and may then be answered too late.
  if (scenario_.lasts() && scenario_.slow_us > 0) return false;
  const std::int64_t trip =
      2 * (scenario_.least_delay_us + 2 * scenario_.delay_us) + scenario_.lopsided_us;
  return 4 * trip < scenario_.command_timeout_us;
}

World::Totals World::totals() const {
  Totals totals;
  totals.groups_granted = checker_.groups_granted();
  totals.groups_denied = checker_.groups_denied();
  totals.checks = checks_;
  totals.allowed = checker_.allowed();
  totals.events = static_cast<std::int64_t>(events_.happened());
  for (const auto& daemon : daemons_) {
    const Books::Totals& books = daemon->gate().books().totals();
    totals.shared += books.spent_by_clients - books.put_back;
    totals.put_back += books.put_back;
    totals.stranded += books.stranded;
    totals.reserved += books.reserved;
  }
  return totals;
}

}  // namespace rategate::sim
