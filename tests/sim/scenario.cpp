#include "tests/sim/scenario.hpp"

#include <algorithm>
#include <array>

#include "tests/sim/calendars.hpp"
#include "tests/sim/crowds.hpp"
#include "tests/sim/random.hpp"

namespace rategate::sim {
namespace {

constexpr std::array<std::string_view, kKinds + 1> kNames = {
    "mixed",   "hot",     "slots",    "edges",    "faults",   "recipe", "reload",   "long",
    "many",    "outside", "greeting", "overload", "refusals", "unfair", "weighted", "failover",
    "recount", "cluster", "bucket",   "calendar", "log",      "fleet"};

// In so manieth schedules some only look, and in others some settle.
constexpr std::uint64_t kPeeksOneIn = 4;
// Kinds that are drawn; those that came later are told by the seed itself, so that all other seeds
// are what they were before.
constexpr int kDrawn = 19;
constexpr std::uint64_t kLaterOneIn = 20;
constexpr std::int64_t kDayUs = 86'400'000'000;

std::int64_t any_period(Random& random, Kind kind) {
  static constexpr std::int64_t kShort[] = {10, 50, 100, 200, 250, 500, 1000, 2000};
  static constexpr std::int64_t kLong[] = {5000, 10'000, 60'000, 3'600'000, 86'400'000};
  switch (kind) {
    case Kind::Long:
      return kLong[random.below(5)];
    case Kind::Recipe:
      return random.one_in(4) ? 2000 : 1000;
    case Kind::Hot:
    case Kind::Slots:
      return kShort[random.between(2, 6)];
    case Kind::Many:
      return kShort[random.between(4, 7)];
    case Kind::Greeting:
      return random.one_in(5) ? kLong[random.below(5)] : kShort[random.between(4, 7)];
    default:
      return random.one_in(6) ? kLong[random.below(5)] : kShort[random.below(8)];
  }
}

LimitPlan any_limit(Random& random, Kind kind, int number) {
  LimitPlan limit;
  limit.name = "limit" + std::to_string(number);
  limit.period_ms = any_period(random, kind);
  limit.mode = random.one_in(3) ? Mode::Lease : Mode::Auto;
  if (random.one_in(8)) limit.mode = Mode::Exact;
  const bool leases = kind == Kind::Hot || kind == Kind::Slots || kind == Kind::Reload;
  if (leases) limit.mode = Mode::Lease;
  static constexpr OnStoreDown kPolicies[] = {OnStoreDown::Deny, OnStoreDown::Deny,
                                              OnStoreDown::Error, OnStoreDown::Allow};
  limit.on_store_down = kPolicies[random.below(4)];
  // Who fails open counts from nought in a window that was lost: outside the promise.
  if (kind == Kind::Greeting && limit.on_store_down == OnStoreDown::Allow) {
    limit.on_store_down = OnStoreDown::Deny;
  }
  limit.redis_key = kDefaultRedisKey;
  limit.keyed = kind == Kind::Slots || !random.one_in(3);
  if (kind == Kind::Recipe && number == 0) {
    limit.redis_key = kRecipeRedisKey;
    limit.keyed = false;
  } else if (!limit.keyed) {
    limit.redis_key = "rategate:{%n}:%p:%w";
  }
  return limit;
}

// The store is lost sight of, and is another one or has other data when it is found again. Daemons
// are not killed: one that starts after a loss cannot know of it.
void add_greetings(Scenario& s, Random& random) {
  s.length_us = std::max<std::int64_t>(s.length_us, 1'500'000);
  s.losses = static_cast<int>(random.between(1, 4));
  s.pauses = static_cast<int>(random.below(2));
  s.kills = static_cast<int>(random.below(6));
  s.no_records = random.one_in(3);
  s.refusals = static_cast<int>(random.below(4));
  s.reloads = random.one_in(4) ? 1 : 0;
  s.restarts = static_cast<int>(random.below(4));
  s.promotions = static_cast<int>(random.below(3));
  s.failovers = static_cast<int>(random.below(3));
  s.lag_us = random.any_size(1000, 1'000'000);
  // Without its record a flushed store looks like any.
  if (!s.no_records) s.flushalls = static_cast<int>(random.below(3));
  if (s.restarts + s.promotions + s.failovers + s.flushalls == 0) s.restarts = 1;
  s.password = random.one_in(2);
  if (s.password) s.lockouts = static_cast<int>(random.below(3));
  s.cut_greeting_percent = random.one_in(3) ? 0 : static_cast<int>(random.any_size(2, 40));
}

void add_faults(Scenario& s, Random& random) {
  s.database = random.one_in(8);
  s.full_one_in = random.one_in(2) ? 0 : static_cast<int>(random.any_size(4, 500));
  if (s.kind == Kind::Greeting) return add_greetings(s, random);
  const bool many = s.kind == Kind::Faults || s.kind == Kind::Outside;
  const int most = many ? 6 : 2;
  const auto some = [&](int one_in) {
    return many || random.one_in(one_in) ? static_cast<int>(random.below(most + 1)) : 0;
  };
  s.losses = some(4);
  s.pauses = some(4);
  s.kills = some(6);
  s.refusals = some(8);
  s.stalls = some(6);
  s.outages = some(8);
  s.flushes = some(8);
  if (many && random.one_in(3)) s.garbled_one_in = static_cast<int>(random.any_size(100, 5000));
  s.reloads = s.kind == Kind::Reload ? static_cast<int>(random.between(1, 5)) : some(8);
  if (s.kind == Kind::Outside) s.restarts = static_cast<int>(random.between(1, 3));
  if (random.one_in(6)) s.differing = static_cast<int>(random.between(1, 3));
}

void add_ways(Scenario& s, Random& random) {
  s.delay_us = random.any_size(20, s.kind == Kind::Edges ? 20'000 : 3'000);
  if (s.kind == Kind::Edges || random.one_in(3)) s.lopsided_us = random.any_size(10, 20'000);
  s.slow_us = random.one_in(3) ? 0 : random.any_size(1000, 400'000);
  s.slow_one_in = static_cast<int>(random.any_size(10, 500));
  s.command_timeout_us = random.one_in(4) ? random.any_size(10'000, 500'000) : 250'000;
}

// How much is asked of it, so that the limit is met in some windows and the schedule stays short.
void add_load(Scenario& s, Random& random) {
  std::int64_t period_us = s.limits[0].period_ms * 1000;
  for (const LimitPlan& limit : s.limits) period_us = std::max(period_us, limit.period_ms * 1000);
  const std::int64_t usual = std::clamp<std::int64_t>(period_us * 4, 200'000, 6'000'000);
  s.length_us = s.kind == Kind::Long ? random.between(2'000'000, 40'000'000) : usual;
  const std::int64_t checks = random.any_size(200, s.kind == Kind::Slots ? 8000 : 4000);
  const std::int64_t processes = std::int64_t{s.hosts} * s.processes;
  s.gap_us = std::max<std::int64_t>(1, s.length_us * processes / checks);
  if (random.one_in(4)) s.max_cost = random.any_size(2, 50);
  for (LimitPlan& limit : s.limits) {
    // What is asked of one counter in a window, about.
    const std::int64_t window_us = std::min(limit.period_ms * 1000, s.length_us);
    const std::int64_t counters =
        static_cast<std::int64_t>(s.limits.size()) * (limit.keyed ? s.keys : 1);
    const std::int64_t asked = checks * window_us / s.length_us * ((s.max_cost + 1) / 2) / counters;
    const std::int64_t about = std::max<std::int64_t>(1, asked * random.between(20, 150) / 100);
    limit.permits = random.one_in(5) ? random.any_size(1, 1'000'000) : about;
    if (random.one_in(10)) limit.permits = random.between(1, 5);
  }
  // A window's edge somewhere in it, of the longest, too.
  const std::int64_t day = 1'700'000'000'000'000 / kDayUs + random.below(1000);
  s.start_us = day * kDayUs - random.below(std::max<std::int64_t>(1, s.length_us * 3 / 4));
}

}  // namespace

std::string_view name_of(Kind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::optional<Kind> kind_of(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

namespace {

Scenario draw(std::uint64_t seed, std::optional<Kind> kind) {
  Random random(seed * 0x2545f4914f6cdd1dU + 11);
  Scenario s;
  s.seed = seed;
  const auto drawn = static_cast<Kind>(random.below(kDrawn));
  const std::uint64_t rest = seed % kLaterOneIn;
  s.kind = kind.value_or(rest == 19 ? Kind::Calendar : rest == 9 ? Kind::Log : drawn);
  if (s.kind == Kind::Overload) return overload_of(seed, random);
  if (s.kind == Kind::Refusals) return refusals_of(seed, random);
  if (s.kind == Kind::Weighted) return weighted_of(seed, random);
  if (s.kind == Kind::Failover) return failover_of(seed, random);
  if (s.kind == Kind::Recount) return recount_of(seed, random);
  if (s.kind == Kind::Cluster) return cluster_of(seed, random);
  if (s.kind == Kind::Bucket) return bucket_of(seed, random);
  if (s.kind == Kind::Log) return log_of(seed, random);
  if (s.kind == Kind::Calendar) return calendar_of(seed, random);
  if (s.kind == Kind::Unfair) {
    s.length_us = random.between(50'000, 500'000);
    return s;
  }
  s.hosts = static_cast<int>(random.any_size(1, 8));
  s.processes = static_cast<int>(random.any_size(1, 4));
  s.keys = random.one_in(2) ? 1 : static_cast<int>(random.any_size(2, 40));
  if (s.kind == Kind::Hot) s.keys = 1;
  if (s.kind == Kind::Hot || s.kind == Kind::Slots) {
    s.hosts = static_cast<int>(random.between(1, 3));
    s.processes = static_cast<int>(random.between(2, 5));
  }
  if (s.kind == Kind::Slots) s.keys = static_cast<int>(random.between(8, 60));
  if (s.kind == Kind::Recipe) s.hosts = static_cast<int>(random.between(2, 8));
  if (s.kind == Kind::Many) {
    s.hosts = static_cast<int>(random.between(20, 200));
    s.processes = 1;
    s.keys = static_cast<int>(random.between(1, 3));
  }
  s.slots = random.one_in(3) && s.kind != Kind::Slots ? 64 : 16;
  const int limits = s.kind == Kind::Slots ? 2 : static_cast<int>(random.between(1, 3));
  for (int i = 0; i < limits; ++i) s.limits.push_back(any_limit(random, s.kind, i));
  // So that a word may look like another pool's.
  if (s.kind == Kind::Slots) s.limits[1].period_ms = s.limits[0].period_ms;
  s.edge_percent = s.kind == Kind::Edges ? 60 : static_cast<int>(random.below(20));
  s.socket_percent = random.one_in(3) ? static_cast<int>(random.below(100)) : 0;
  add_ways(s, random);
  add_load(s, random);
  add_faults(s, random);
  if (s.kind == Kind::Recipe) {
    s.recipe_callers = static_cast<int>(random.between(1, 6));
    s.recipe_skew_us = random.any_size(1000, 900'000);
  }
  const bool pausing = s.kind == Kind::Slots || s.kind == Kind::Reload || random.one_in(3);
  if (pausing) {
    s.step_percent = static_cast<int>(random.any_size(1, 16));
    s.step_us = random.any_size(10, 3 * s.limits[0].period_ms * 1000);
    if (s.kind == Kind::Slots) s.step_us = random.any_size(1000, s.limits[0].period_ms * 1000);
    s.step_us = std::min(s.step_us, s.length_us / 2);
  }
  return s;
}

// Not where it is judged who is served how soon.
bool may_acquire(Kind kind) {
  return kind != Kind::Weighted && kind != Kind::Overload && kind != Kind::Unfair &&
         kind != Kind::Refusals;
}

// Where one store keeps what it has from the beginning to the end, and no judge reckons with what
// is denied.
bool may_block(const Scenario& s) {
  const bool is_judged = s.kind == Kind::Overload || s.kind == Kind::Refusals ||
                         s.kind == Kind::Unfair || s.kind == Kind::Weighted;
  const int losses = s.restarts + s.promotions + s.flushalls + s.failovers + s.evictions;
  return !is_judged && losses == 0 && s.set_backs == 0 && s.servers == 0 && s.shards == 0 &&
         s.recipe_callers == 0;
}

// Where what happens can be held against what was there when it was cleared.
bool is_clearable(const Scenario& scenario) {
  if (scenario.set_backs > 0) return false;
  switch (scenario.kind) {
    case Kind::Outside:
    case Kind::Overload:
    case Kind::Refusals:
    case Kind::Unfair:
    case Kind::Weighted:
      return false;
    default:
      return true;
  }
}

}  // namespace

namespace {

// All counters have one hash tag, and nothing is leased. Half of the limits are so small that one
// permit matters.
void make_groups(Scenario& s) {
  Random random(s.seed * 0x9e3779b97f4a7c15U + 5);
  for (LimitPlan& limit : s.limits) {
    if (limit.spread > 1 || limit.redis_key == kRecipeRedisKey) continue;
    limit.mode = Mode::Exact;
    if (random.one_in(2)) limit.permits = limit.burst = random.between(1, 8);
    const bool has_windows = !limit.bucket && !limit.log;
    limit.redis_key = std::string("rategate:{group}:%n") + (limit.keyed ? ":%k" : "") +
                      (has_windows    ? ":%p:%w"
                       : limit.bucket ? ":gcra"
                                      : ":%p:log");
  }
}

}  // namespace

Scenario scenario_of(std::uint64_t seed, std::optional<Kind> kind) {
  Scenario scenario = draw(seed, kind);
  // In a cluster more seldom: what goes wrong there takes many things at once.
  const std::uint64_t one_in = kPeeksOneIn * (scenario.kind == Kind::Cluster ? 4 : 1);
  scenario.peeks = seed % one_in == 0;
  scenario.acquires = seed % one_in == 2 && may_acquire(scenario.kind);
  scenario.combines = seed % one_in == 3 && may_acquire(scenario.kind);
  // Not where each denial is judged by what one host has spent: what is on its way back is
  // nobody's.
  // Nor where a receipt may name a moment that comes twice.
  scenario.settles =
      seed % one_in == 1 && scenario.kind != Kind::Weighted && scenario.set_backs == 0;
  scenario.settles_in_store = seed % (2 * one_in) == 1;
  // Not where a judge goes by the limits' own numbers.
  const bool judged_by_limits = scenario.kind == Kind::Weighted ||
                                scenario.kind == Kind::Refusals ||
                                scenario.kind == Kind::Overload || scenario.kind == Kind::Unfair;
  scenario.rules = seed % one_in == 2 && !judged_by_limits;
  // In a fourth of those in which some look.
  scenario.blocks = seed % (4 * one_in) == one_in && may_block(scenario);
  // In all of those, and in half of some others.
  const bool half = (scenario.settles || scenario.combines) && seed % (4 * one_in) < 2 * one_in;
  scenario.clears = is_clearable(scenario) && (seed % one_in == 2 || half);
  scenario.groups = scenario.combines && seed % (2 * one_in) == 3;
  if (scenario.groups) make_groups(scenario);
  return scenario;
}

const std::vector<std::string>& cuts() {
  static const std::vector<std::string> names = {
      "half",       "losses",     "pauses",      "kills",    "reloads",       "refusals",
      "stalls",     "restarts",   "outages",     "flushes",  "promotions",    "flushalls",
      "failovers",  "lockouts",   "garbled",     "full",     "greeting-cuts", "differing",
      "recipe",     "steps",      "costs",       "slow",     "lopsided",      "one-limit",
      "one-key",    "half-hosts", "one-process", "hot-keys", "half",          "half-hosts",
      "half-hosts", "moves",      "cut-offs",    "torn",     "skew",          "evictions",
      "rules",      "blocks",     "set-backs"};
  return names;
}

bool apply_cut(Scenario& s, std::string_view cut) {
  const auto set = [](auto& field, auto value) {
    const bool changes = field != value;
    field = value;
    return changes;
  };
  // What it is judged by is in the proportions.
  if (s.kind == Kind::Overload && (cut == "half" || cut == "one-limit")) return false;
  if (cut == "hot-keys") return set(s.hot_keys, 0);
  if (cut == "half") return set(s.length_us, std::max<std::int64_t>(1000, s.length_us / 2));
  if (cut == "losses") return set(s.losses, 0);
  if (cut == "pauses") return set(s.pauses, 0);
  if (cut == "kills") return set(s.kills, 0);
  if (cut == "reloads") return set(s.reloads, 0);
  if (cut == "rules") return set(s.rules, false);
  if (cut == "blocks") return set(s.blocks, false);
  if (cut == "refusals") return set(s.refusals, 0);
  if (cut == "stalls") return set(s.stalls, 0);
  if (cut == "restarts") return set(s.restarts, 0);
  if (cut == "outages") return set(s.outages, 0);
  if (cut == "flushes") return set(s.flushes, 0);
  if (cut == "promotions") return set(s.promotions, 0);
  if (cut == "flushalls") return set(s.flushalls, 0);
  if (cut == "failovers") return set(s.failovers, 0);
  if (cut == "set-backs") return set(s.set_backs, 0);
  if (cut == "evictions") return set(s.evictions, 0);
  if (cut == "moves") return set(s.moves, 0);
  if (cut == "cut-offs") return set(s.cut_offs, 0);
  if (cut == "torn") return set(s.torn, false);
  if (cut == "skew") return set(s.skew_us, std::int64_t{0});
  if (cut == "lockouts") return set(s.lockouts, 0);
  if (cut == "garbled") return set(s.garbled_one_in, 0);
  if (cut == "full") return set(s.full_one_in, 0);
  if (cut == "greeting-cuts") return set(s.cut_greeting_percent, 0);
  if (cut == "differing") return set(s.differing, 0);
  if (cut == "recipe") return set(s.recipe_callers, 0);
  if (cut == "steps") return set(s.step_percent, 0);
  if (cut == "costs") return set(s.max_cost, std::int64_t{1});
  if (cut == "slow") return set(s.slow_us, std::int64_t{0});
  if (cut == "lopsided") return set(s.lopsided_us, std::int64_t{0});
  if (cut == "one-key") return set(s.keys, 1);
  if (cut == "half-hosts") return set(s.hosts, std::max(1, s.hosts / 2));
  if (cut == "one-process") return set(s.processes, 1);
  if (cut == "one-limit") {
    if (s.limits.size() == 1) return false;
    s.limits.resize(1);
    return true;
  }
  return false;
}

}  // namespace rategate::sim
