#include "tests/sim/cluster.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "daemon/base/hash_slot.hpp"
#include "tests/sim/daemon.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

constexpr int kSlots = static_cast<int>(kHashSlots);
// For so long after a slot has come, or has left, no replica of the shard is promoted: what it
// lacks of that is longer on no way.
constexpr std::int64_t kReplicatedUs = 200'000;
// Who votes for a new primary soon hears that it is one.
constexpr std::int64_t kVotersHearUs = 300'000;
// For so long after a shard has taken a slot it does not take the same one again: what was led
// there by ASK the first time is longer on no way, and would be taken for led there now, without
// the keys that have left meanwhile.
constexpr std::int64_t kAskedUs = 300'000;
// So often a host looks at the map. It does not see that a slot has gone and come back before.
constexpr std::int64_t kSeenUs = 6'000'000;
// So old a proof may be with which MOVED is followed: in a shard that a slot passes through within
// that time no primary is replaced.
constexpr std::int64_t kProvedUs = 1'500'000;
// So long a slot is on its way, or a key behind the one before.
constexpr std::int64_t kLongestUs = 12'000'000;
// After it a host has found its way back: the longest back-off, two greetings, and the slow pace of
// the questions for the map.
constexpr std::int64_t kFoundBackUs = 3'000'000;
// Slots of a shard go elsewhere so soon after it has lost something.
constexpr std::int64_t kMovedLatelyUs = 8'000'000;

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

}  // namespace

Cluster::Cluster(World& world)
    : world_(world), cuts_(static_cast<std::size_t>(world.scenario().hosts)) {
  const Scenario& scenario = world.scenario();
  for (int shard = 0; shard < scenario.shards; ++shard) {
    Shard& added = shards_.emplace_back();
    added.skew_us = shard == 0 ? 0 : world.random().between(0, scenario.skew_us);
    const int servers = shard < scenario.replicated ? 2 : 1;
    added.servers = std::make_unique<Replicas>(
        world, servers, shard,
        Replicas::Told{[this, shard](int member) { promoted(shard, member); },
                       [this, shard](int member) { demoted(shard, member); }});
    for (int member = 0; member < servers; ++member) {
      Node& node = nodes_.emplace_back();
      node.shard = shard;
      node.member = member;
      node.store = &added.servers->store(member);
      node.address = *parse_host_port(added.servers->address(member));
      node.primaries.resize(static_cast<std::size_t>(scenario.shards));
      node.store->join({added.skew_us, [this, &node](const auto& keys, bool asking) {
                          return redirect(node, keys, asking);
                        }});
    }
  }
}

std::int64_t Cluster::now() const { return world_.events().now(); }

std::vector<HostPort> Cluster::seeds() const {
  std::vector<HostPort> seeds;
  for (const Node& node : nodes_) seeds.push_back(node.address);
  return seeds;
}

Store* Cluster::reach(int host, const HostPort& address) {
  const Cut& cut = cuts_[static_cast<std::size_t>(host)];
  for (Node& node : nodes_) {
    if (node.address != address) continue;
    return now() < cut.until_us && cut.from.contains(node.store) ? nullptr : node.store;
  }
  return nullptr;
}

Replicas& Cluster::shard_of(const Store& store) {
  return *shards_[static_cast<std::size_t>(find(store)->shard)].servers;
}

std::int64_t Cluster::skew_us(const HostPort& address) const {
  for (const Node& node : nodes_) {
    if (node.address == address) return shards_[static_cast<std::size_t>(node.shard)].skew_us;
  }
  return 0;
}

bool Cluster::is_disturbed(int host, std::string_view counter) const {
  if (now() < cuts_[static_cast<std::size_t>(host)].until_us + kFoundBackUs) return true;
  // A host may still believe the slot to be where it was. One that was moved meanwhile may have
  // been anywhere, as far as a host knows.
  const std::set<int> had = shards_with(counter);
  if (had.size() > 1 && has_failed_over_) return true;
  return std::any_of(had.begin(), had.end(), [&](int shard) {
    return now() < shards_[static_cast<std::size_t>(shard)].disturbed_until_us;
  });
}

// Now, or before.
std::set<int> Cluster::shards_with(std::string_view counter) const {
  const std::uint16_t slot = slot_of_key(counter);
  const auto moved = had_.find(slot);
  return moved == had_.end() ? std::set<int>{first_shard(slot)} : moved->second;
}

std::int64_t Cluster::time_us(std::string_view counter, const Window& window,
                              std::int64_t us) const {
  std::int64_t time_us = us;
  for (const int shard : shards_with(counter)) {
    time_us = us + shards_[static_cast<std::size_t>(shard)].skew_us;
    if (time_us >= window.start_ms * 1000 && time_us < window.end_ms * 1000) break;
  }
  return time_us;
}

// ---- Who serves what ------------------------------------------------------------------------

const Cluster::Node* Cluster::find(const Store& store) const {
  for (const Node& node : nodes_) {
    if (node.store == &store) return &node;
  }
  return nullptr;
}

Cluster::Node& Cluster::node_at(int shard, int member) {
  return *std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& node) {
    return node.shard == shard && node.member == member;
  });
}

Cluster::Node& Cluster::primary_of(int shard) {
  return node_at(shard, shards_[static_cast<std::size_t>(shard)].servers->primary());
}

int Cluster::first_shard(std::uint16_t slot) const { return slot * shards() / kSlots; }

int Cluster::shard_in_view(const Node& node, std::uint16_t slot) const {
  const auto found = node.slots.find(slot);
  return found == node.slots.end() ? first_shard(slot) : found->second.what;
}

int Cluster::shard_of_slot(std::uint16_t slot) const {
  const auto found = moved_.find(slot);
  return found == moved_.end() ? first_shard(slot) : found->second;
}

std::string Cluster::redirect(const Node& node, const std::vector<std::string>& keys,
                              bool asking) const {
  if (keys.empty()) return {};
  const std::uint16_t slot = slot_of_key(keys.front());
  std::size_t here = 0;
  for (const std::string& key : keys) {
    if (slot_of_key(key) != slot) return "CROSSSLOT Keys in request don't hash to the same slot";
    here += node.store->holds(key) ? 1U : 0U;
  }
  constexpr const char* kTryAgain = "TRYAGAIN Multiple keys request during rehashing of slot";
  const int shard = shard_in_view(node, slot);
  const auto primary = [&](int of) {
    const int member = node.primaries[static_cast<std::size_t>(of)].what;
    return shards_[static_cast<std::size_t>(of)].servers->address(member);
  };
  if (shard == node.shard && node.primaries[static_cast<std::size_t>(shard)].what == node.member) {
    const auto migrating = node.migrating.find(slot);
    if (migrating == node.migrating.end() || here == keys.size()) return {};
    if (here > 0) return kTryAgain;
    return "ASK " + std::to_string(slot) + " " + primary(migrating->second);
  }
  if (asking && node.importing.contains(slot)) {
    return keys.size() > 1 && here < keys.size() ? kTryAgain : "";
  }
  return "MOVED " + std::to_string(slot) + " " + primary(shard);
}

std::string Cluster::row(const Node& node, int first, int last, int shard) const {
  const int primary = node.primaries[static_cast<std::size_t>(shard)].what;
  const Replicas& servers = *shards_[static_cast<std::size_t>(shard)].servers;
  std::string nodes;
  int count = 0;
  const auto add = [&](const Node& each) {
    nodes += "*3\r\n" + bulk(each.address.host) + ":" + std::to_string(each.address.port) + "\r\n" +
             bulk("id-" + each.address.host);
    ++count;
  };
  for (const Node& each : nodes_) {
    if (each.shard == shard && each.member == primary) add(each);
  }
  // One that was the primary is listed once it follows.
  for (const Node& each : nodes_) {
    if (each.shard != shard || each.member == primary) continue;
    if (each.store->is_replica() || primary != servers.primary()) add(each);
  }
  return "*" + std::to_string(2 + count) + "\r\n:" + std::to_string(first) +
         "\r\n:" + std::to_string(last) + "\r\n" + nodes;
}

// A range may begin where the first ones did, and on both sides of a slot that was moved.
std::string Cluster::map_of(const Store& store) const {
  const Node& node = *find(store);
  std::set<int> edges{kSlots};
  for (int shard = 0; shard < shards(); ++shard) {
    edges.insert((shard * kSlots + shards() - 1) / shards());
  }
  for (const auto& [slot, known] : node.slots) edges.insert({int{slot}, int{slot} + 1});
  std::string rows;
  int count = 0;
  for (auto edge = edges.begin(); *edge < kSlots; ++edge) {
    const int shard = shard_in_view(node, static_cast<std::uint16_t>(*edge));
    rows += row(node, *edge, *std::next(edge) - 1, shard);
    ++count;
  }
  return "*" + std::to_string(count) + "\r\n" + rows;
}

// ---- Slots are moved ------------------------------------------------------------------------

int Cluster::any_host() {
  return static_cast<int>(world_.random().below(static_cast<std::int64_t>(cuts_.size())));
}

// Of some counter.
std::uint16_t Cluster::any_slot() {
  const Scenario& scenario = world_.scenario();
  const auto limits = static_cast<std::int64_t>(scenario.limits.size());
  const int limit = static_cast<int>(world_.random().below(limits));
  return slot_of_key(
      world_.any_counter(limit, static_cast<int>(world_.random().below(scenario.keys))));
}

// As redis-cli does it: the one is told that the slot comes, the other that it goes, then the keys
// go one by one, and at last both are told whose it is.
void Cluster::move_slot() { move_slot(any_slot()); }

void Cluster::move_slot(std::uint16_t slot) {
  const int from = shard_of_slot(slot);
  const int to = static_cast<int>((from + 1 + world_.random().below(shards() - 1)) % shards());
  if (!may_move(slot, to)) return;
  const Shard& source = shards_[static_cast<std::size_t>(from)];
  // Who cannot tell there what he knows of a loss is waited for.
  const bool lately = source.promoted_us > 0 && now() < source.promoted_us + kMovedLatelyUs;
  Random& random = world_.random();
  if (lately && world_.scenario().cut_offs > 0 && random.one_in(2)) {
    cut_off(any_host(), to, random.any_size(10'000, 3'000'000));
  }
  // Of some a counter is apart from its base for longer than all have to tell what they know of a
  // loss.
  const Move move = begin_move(slot, to, lately && world_.scenario().torn);
  // Longer than a check has time, sometimes; or than all have to tell.
  const bool is_long = !move.long_apart && random.one_in(8);
  const std::int64_t first_us = random.any_size(1, is_long ? kLongestUs : 1'000'000);
  world_.events().in(first_us, [this, move] { move_keys(move); });
}

bool Cluster::may_move(std::uint16_t slot, int to) {
  const int from = shard_of_slot(slot);
  const Shard& source = shards_[static_cast<std::size_t>(from)];
  if (!source.is_settled() || !shards_[static_cast<std::size_t>(to)].is_settled()) return false;
  if (primary_of(from).migrating.contains(slot)) return false;
  if (primary_of(from).importing.contains(slot)) return false;  // it was not told that it has come
  const auto took = taken_us_.find({slot, to});
  if (took != taken_us_.end() && now() < took->second + kAskedUs) return false;
  const auto left = left_us_.find({slot, to});
  const bool unseen = left != left_us_.end() && now() < left->second + kSeenUs;
  if (unseen && source.promoted_us > left->second) return false;
  const auto came = taken_us_.find({slot, from});
  const bool passes = came != taken_us_.end() && now() < came->second + kProvedUs;
  return !passes || source.promoted_us <= came->second;
}

Cluster::Move Cluster::begin_move(std::uint16_t slot, int to, bool long_apart) {
  const int from = shard_of_slot(slot);
  ++shards_[static_cast<std::size_t>(from)].leaving;
  had_[slot].insert({first_shard(slot), from, to});
  primary_of(to).importing.insert(slot);
  primary_of(from).migrating[slot] = to;
  return {slot, from, to, long_apart};
}

// False where none is left.
bool Cluster::move_key(const Move& move) {
  Store& source = *primary_of(move.from).store;
  const std::vector<std::string> keys = source.keys_of_slot(move.slot);
  if (keys.empty()) return false;
  const auto any =
      static_cast<std::size_t>(world_.random().below(static_cast<std::int64_t>(keys.size())));
  source.migrate(keys[any], *primary_of(move.to).store);
  return true;
}

void Cluster::move_keys(const Move& move) {
  if (!move_key(move)) return settle_slot(move.slot, move.from, move.to);
  Random& random = world_.random();
  const std::int64_t next_us =
      move.long_apart ? random.between(kLongestUs / 2, kLongestUs) : random.any_size(1, 100'000);
  world_.events().in(next_us, [this, move] { move_keys(move); });
}

// The new one is told first, or the old one: then each says for a moment that it is the other's.
void Cluster::settle_slot(std::uint16_t slot, int from, int to) {
  Random& random = world_.random();
  const Known known{to, ++version_};
  moved_[slot] = to;
  taken_us_[{slot, to}] = now();
  left_us_[{slot, from}] = now();
  const bool target_first = !random.one_in(4);
  const std::int64_t between_us = random.any_size(1, 20'000);
  Node* const source = &primary_of(from);
  Node* const target = &primary_of(to);
  world_.events().in(target_first ? between_us : 1, [this, source, slot, known] {
    learn_slot(*source, slot, known);
    source->migrating.erase(slot);
  });
  world_.events().in(target_first ? 1 : between_us, [this, target, slot, known] {
    learn_slot(*target, slot, known);
    for (Node& node : nodes_) {
      if (node.shard == target->shard) node.importing.erase(slot);
    }
  });
  world_.events().in(between_us + 1, [this, from, to] {
    --shards_[static_cast<std::size_t>(from)].leaving;
    for (const int shard : {from, to}) shards_[static_cast<std::size_t>(shard)].moved_us = now();
  });
  // While one lags it does not say that the shard has all that is known to be the shard's.
  const bool late = random.one_in(4);
  for (Node& node : nodes_) {
    const std::int64_t lag_us =
        late ? random.any_size(1000, 2'000'000) : random.any_size(1000, 50'000);
    world_.events().in(lag_us, [this, &node, slot, known] { learn_slot(node, slot, known); });
    for (const int shard : {from, to}) {
      std::int64_t& until_us = shards_[static_cast<std::size_t>(shard)].disturbed_until_us;
      if (late) until_us = std::max(until_us, now() + lag_us + kFoundBackUs);
    }
  }
}

void Cluster::learn_slot(Node& node, std::uint16_t slot, const Known& known) {
  Known& known_to_it = node.slots[slot];
  if (known_to_it.version < known.version) known_to_it = known;
}

// ---- What befalls them ----------------------------------------------------------------------

void Cluster::plan() {
  const Scenario& scenario = world_.scenario();
  Random& random = world_.random();
  const auto some_times = [&](int times, const std::function<void()>& what) {
    for (int i = 0; i < times; ++i) world_.events().in(random.below(scenario.length_us), what);
  };
  some_times(scenario.moves, [this] { move_slot(); });
  some_times(scenario.cut_offs, [this] {
    Random& chance = world_.random();
    const int shard = static_cast<int>(chance.below(shards()));
    cut_off(any_host(), shard, chance.any_size(10'000, 3'000'000));
  });
  for (int i = 0; i < scenario.failovers; ++i) {
    const std::int64_t part = scenario.length_us / (scenario.failovers + 1);
    world_.events().in(part * i + part / 8 + random.below(part / 4), [this] { fail_over(); });
  }
}

// That of the slot or one that it may come to, or any that some slot comes to.
int Cluster::shard_to_fail(std::uint16_t slot) {
  Random& random = world_.random();
  if (world_.scenario().torn) return shard_of_slot(slot);
  const int any = static_cast<int>(random.below(shards()));
  for (int i = 0; i < shards() && random.one_in(2); ++i) {
    const int shard = (any + i) % shards();
    if (!primary_of(shard).importing.empty()) return shard;
  }
  return any;
}

bool Cluster::may_come_in_part(std::uint16_t slot, int to) {
  const int from = shard_of_slot(slot);
  const bool on_its_way =
      primary_of(from).migrating.contains(slot) || primary_of(from).importing.contains(slot);
  return from != to && !on_its_way && !left_us_.contains({slot, from});
}

// A key comes to a primary that no replica follows any more, so that the next one does not have it;
// the others come when that has taken its place.
void Cluster::come_in_part(std::uint16_t slot, int to) {
  const Move move = begin_move(slot, to, false);
  Random& random = world_.random();
  world_.events().in(random.any_size(1, 100'000), [this, move] { move_key(move); });
  world_.events().in(random.between(2'000'000, kLongestUs), [this, move] { move_keys(move); });
}

// Of two shards none is there to elect another primary by itself: that is done by hand. Slots may
// be on their way to it, but not from it.
void Cluster::fail_over() {
  const bool torn = world_.scenario().torn;
  const std::uint16_t slot = any_slot();
  const int drawn = shard_to_fail(slot);
  const auto shard = static_cast<std::size_t>(drawn);
  const bool settled = std::all_of(shards_.begin(), shards_.end(),
                                   [](const Shard& each) { return each.is_settled(); });
  Shard& chosen = shards_[shard];
  const bool moves = chosen.leaving > 0 || now() < chosen.moved_us + kReplicatedUs;
  const bool has_replica = static_cast<int>(shard) < world_.scenario().replicated;
  if (!has_replica || !settled || moves) {
    world_.events().in(100'000, [this] {
      if (now() < world_.end_us() - 4'000'000) fail_over();
    });
    return;
  }
  chosen.fails_over = true;
  has_failed_over_ = true;
  chosen.disturbed_until_us = INT64_MAX;
  if (torn) cut_off_all_but_one(drawn);
  const bool comes = world_.scenario().quiet_us > 0 && may_come_in_part(slot, drawn);
  if (comes) come_in_part(slot, drawn);
  chosen.servers->fail_over(shards() < 3 || (!torn && world_.random().one_in(4)));
}

void Cluster::promoted(int shard, int member) {
  Random& random = world_.random();
  const Known known{member, ++version_};
  const auto learn = [shard, known](Node& node) {
    Known& known_to_it = node.primaries[static_cast<std::size_t>(shard)];
    if (known_to_it.version < known.version) known_to_it = known;
  };
  shards_[static_cast<std::size_t>(shard)].promoted_us = now();
  if (world_.scenario().torn) cut_off(late_host_, shard, random.between(2'000'000, 3'000'000));
  Node& promoted = node_at(shard, member);
  learn(promoted);
  // Who moves slots there tells the new one of them, which has not heard of that.
  for (const Node& node : nodes_) {
    if (node.shard != shard) continue;
    promoted.importing.insert(node.importing.begin(), node.importing.end());
  }
  // It was not cut off while slots were moved: see "not covered" in docs/redis-cluster.md.
  for (const auto& [slot, to] : moved_) learn_slot(promoted, slot, {to, version_});
  bool may_be_late = shards() > 3;
  for (Node& node : nodes_) {
    if (node.shard == shard) continue;  // the old one hears of it when it follows
    const bool late = node.store->is_replica() || (may_be_late && random.one_in(3));
    if (late && !node.store->is_replica()) may_be_late = false;
    world_.events().in(random.any_size(100, late ? 3'000'000 : kVotersHearUs),
                       [&node, learn] { learn(node); });
  }
}

void Cluster::demoted(int shard, int member) {
  shards_[static_cast<std::size_t>(shard)].fails_over = false;
  // What was lost a moment ago goes elsewhere.
  for (int i = 0; i < world_.scenario().moves; ++i) {
    Random& random = world_.random();
    // Once others have told, and before the late one has.
    const std::int64_t in_us = world_.scenario().torn ? random.between(100'000, 2'000'000)
                                                      : random.any_size(1000, kMovedLatelyUs);
    world_.events().in(in_us, [this, shard] {
      const std::uint16_t slot = any_slot();
      if (shard_of_slot(slot) == shard) move_slot(slot);
    });
  }
  Node& node = node_at(shard, member);
  const Node& primary = primary_of(shard);
  node.primaries = primary.primaries;
  node.slots = primary.slots;
}

// One host alone knows what is lost, and tells it late: when slots are on their way again.
void Cluster::cut_off_all_but_one(int shard) {
  late_host_ = any_host();
  for (int host = 0; host < static_cast<int>(cuts_.size()); ++host) {
    if (host != late_host_) cut_off(host, shard, world_.scenario().lag_us);
  }
}

// From the nodes of that shard, or from the primary alone: its connections end, or fall silent.
void Cluster::cut_off(int host, int shard, std::int64_t us) {
  Random& random = world_.random();
  Cut& cut = cuts_[static_cast<std::size_t>(host)];
  if (now() < cut.until_us || now() + us > world_.end_us()) return;
  cut.until_us = now() + us;
  cut.from.clear();
  const bool all = random.one_in(2);
  for (Node& node : nodes_) {
    if (node.shard == shard && (all || &node == &primary_of(shard))) cut.from.insert(node.store);
  }
  Daemon* const daemon = world_.daemon(host);
  if (daemon == nullptr) return;
  const bool silent = random.one_in(2);
  daemon->when_awake([daemon, silent, from = cut.from] { daemon->cut_off(from, silent); });
  // Of what was silent till then nothing comes any more.
  if (!silent) return;
  world_.events().in(us, [daemon, from = cut.from] {
    daemon->when_awake([daemon, from] { daemon->cut_off(from, false); });
  });
}

}  // namespace rategate::sim
