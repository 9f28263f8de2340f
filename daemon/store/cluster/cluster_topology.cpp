#include "daemon/store/cluster/cluster_topology.hpp"

#include <algorithm>

namespace rategate {
namespace {

// From one question to the next while nothing happens.
constexpr std::int64_t kAskEveryUs = 5'000'000;
// Whatever happens, they are not asked again before that.
constexpr std::int64_t kLeastPauseUs = 50'000;
// While somebody tells another map than that in use.
constexpr std::int64_t kAskWhileDifferentUs = 200'000;
// So long a map stays in use that has no majority any more.
constexpr std::int64_t kUnsupportedUs = 2'000'000;
// Without any answer for so long nobody tells the map: the longest pause, and a time-out.
constexpr std::int64_t kUnheardAfterUs = 7'000'000;
// A slot that was redirected is not again within this time: two nodes name each other.
constexpr std::int64_t kBounceUs = 10'000;

// Also those that came since the map is in use; who promotes one does not list it as a replica.
void remember_replicas(const ClusterShard& told, ClusterShard& shard) {
  for (const ClusterNode& replica : told.replicas) {
    const bool known = shard.has_replica(replica.id);
    if (!known && shard.replicas.size() < kMostNodesOfShard) shard.replicas.push_back(replica);
  }
}

}  // namespace

ClusterTopology::ClusterTopology(const Options& options, ClusterWays& ways, ClusterEvents& events)
    : options_(options),
      ways_(ways),
      events_(events),
      slots_(kHashSlots, kNowhere),
      moved_at_(kHashSlots, Mono{INT64_MIN / 2}),
      random_(options.jitter_seed) {
  for (std::size_t at = 0; at < kMostShards; ++at) {
    shards_[at].part = std::make_unique<Part>(*this, ShardId{static_cast<std::uint16_t>(at)});
  }
}

ClusterTopology::~ClusterTopology() = default;

Topology& ClusterTopology::topology(ShardId shard) { return *shards_[shard.value].part; }

ShardGuide& ClusterTopology::guide(ShardId shard) { return *shards_[shard.value].part; }

void ClusterTopology::start(Mono now) {
  heard_at_ = agreed_at_ = now;
  ask_all(now);
  want_nodes(now);
}

void ClusterTopology::stop() {
  asks_at_ = kNever;
  for (const auto& node : nodes_) node->link->stop();
}

// ---- Asking ---------------------------------------------------------------------------------

void ClusterTopology::ask_all(Mono now) {
  asked_ = now;
  // Up to a fifth earlier, so that the hosts of a fleet do not ask as one.
  asks_at_ = after(now, kAskEveryUs - kAskEveryUs / 5 * random_.of_1024() / 1024);
  for (const auto& node : nodes_) node->link->ask();
}

void ClusterTopology::ask_soon(Mono now) {
  if (asks_at_ == kNever) return;  // stopped
  asks_at_ = std::min(asks_at_, std::max(now, after(asked_, kLeastPauseUs)));
}

void ClusterTopology::turn(Mono now) {
  if (asks_at_ == kNever) return;  // stopped
  for (const auto& node : nodes_) node->link->turn(now);
  if (std::exchange(told_, false)) judge(now);
  pass_on(now);
  want_nodes(now);
  tell_unheard(now);
  if (now >= asks_at_) ask_all(now);
}

Mono ClusterTopology::next_turn() const {
  if (told_ || !taken_.empty() || !to_ask_.empty()) return Mono{};
  Mono next = asks_at_;
  if (known_ && asks_at_ != kNever) {
    next =
        std::min(next, after(heard_at_, has_map_ ? kUnheardAfterUs : options_.connect_timeout_us));
  }
  for (const auto& node : nodes_) next = std::min(next, node->link->next_turn());
  return next;
}

void ClusterTopology::pump() {
  for (const auto& node : nodes_) node->link->pump();
}

ClusterTopology::Node* ClusterTopology::find_node(const HostPort& address) {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const auto& node) { return node->address == address; });
  return found == nodes_.end() ? nullptr : found->get();
}

// Null where it has told nothing of late.
const ClusterTopology::Node* ClusterTopology::fresh_node(const HostPort& address, Mono now) const {
  for (const auto& node : nodes_) {
    const bool fresh = now <= after(node->asked, Witness::kGoodForUs);
    if (node->address == address && fresh) return node.get();
  }
  return nullptr;
}

// The primaries are asked; and the seeds, where there is no map, or no primary tells it.
void ClusterTopology::want_nodes(Mono now) {
  std::vector<HostPort> wanted;
  bool anyone = false;
  for (const ShardState& state : shards_) {
    if (!state.in_use) continue;
    const HostPort& address = state.shard.primary.address;
    wanted.push_back(address);
    const Node* const node = find_node(address);
    anyone = anyone || node == nullptr || node->trouble.empty();
  }
  if (!anyone) wanted.insert(wanted.end(), options_.seeds.begin(), options_.seeds.end());
  std::erase_if(nodes_, [&](const auto& node) {
    return std::find(wanted.begin(), wanted.end(), node->address) == wanted.end();
  });
  for (const HostPort& address : wanted) {
    if (find_node(address) != nullptr) continue;
    Node& node = *nodes_.emplace_back(std::make_unique<Node>());
    node.address = address;
    node.way = ways_.way_to(address);
    WayOptions options = options_;
    // What comes later than an answer is good for is as good as nothing.
    options.command_timeout_us = std::min(options_.command_timeout_us, Witness::kGoodForUs);
    options.jitter_seed += nodes_.size();
    NodeLinkEvents& events = *this;
    node.link = std::make_unique<NodeLink>(options, address, *node.way, events);
    node.link->start(now);
  }
}

// ---- Being told -----------------------------------------------------------------------------

void ClusterTopology::node_told(const HostPort& address, SlotMap map, Mono asked, Mono now) {
  Node& node = *find_node(address);
  node.trouble.clear();
  node.map = std::move(map);
  node.asked = asked;
  heard_at_ = now;
  told_ = true;
}

void ClusterTopology::node_failed(const HostPort& address, std::string_view why) {
  find_node(address)->trouble = why;
  if (!known_) tell_words();
}

// Whether most of the primaries that it names tell the same.
bool ClusterTopology::has_majority(const SlotMap& map, Mono now) const {
  std::size_t votes = 0;
  for (const ClusterShard& shard : map.shards) {
    const Node* const node = fresh_node(shard.primary.address, now);
    if (node != nullptr && node->map.agrees_with(map)) ++votes;
  }
  return votes > map.shards.size() / 2;
}

const SlotMap* ClusterTopology::agreed_map(Mono now) const {
  for (const auto& node : nodes_) {
    if (fresh_node(node->address, now) != nullptr && has_majority(node->map, now)) {
      return &node->map;
    }
  }
  return nullptr;
}

const SlotMap* ClusterTopology::told_most(Mono now) const {
  const SlotMap* most = nullptr;
  std::ptrdiff_t votes = 0;
  for (const auto& node : nodes_) {
    if (fresh_node(node->address, now) == nullptr) continue;
    const auto same = std::count_if(nodes_.begin(), nodes_.end(), [&](const auto& other) {
      return fresh_node(other->address, now) != nullptr && other->map.agrees_with(node->map);
    });
    if (same <= votes) continue;
    votes = same;
    most = &node->map;
  }
  return most;
}

// A map that is told by one node alone may be an old one: the first is used, as every grant has to
// be proved, and each other one has to have a majority.
void ClusterTopology::judge(Mono now) {
  const SlotMap* map = agreed_map(now);
  const bool agreed = map != nullptr;
  const SlotMap* const most = told_most(now);
  if (map == nullptr && !has_map_) map = most;
  const bool differs = map == nullptr && most != nullptr && !most->agrees_with(map_);
  if (!differs) {
    disagreed_ = false;
  } else if (!std::exchange(disagreed_, true)) {
    agreed_at_ = now;
  } else if (now >= after(agreed_at_, kUnsupportedUs)) {
    map = most;
    disagreed_ = false;
  }
  if (map != nullptr && !(has_map_ && map_.agrees_with(*map))) adopt(SlotMap(*map), now);
  // As of their questions.
  if (agreed) seen_at_ = {now.us - Witness::kGoodForUs};
  const bool disputed = std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
    return fresh_node(node->address, now) != nullptr && !node->map.agrees_with(map_);
  });
  if (disputed) asks_at_ = std::min(asks_at_, after(now, kAskWhileDifferentUs));
  learn_of_shards(now);
  if (!std::exchange(known_, true)) {
    events_.cluster_event({ClusterEvent::What::MapKnown, {}, {}, {}});
    events_.cluster_changed();
  }
}

void ClusterTopology::learn_of_shards(Mono now) {
  for (ShardState& state : shards_) {
    if (state.in_use) learn_of_shard(state, now);
  }
}

// Of the slots that the map in use gives it, those that it says are its own, where it has said so
// of late. It may have given one away since; whoever took its place has all of them.
SlotRanges ClusterTopology::slots_to_name(const ShardState& state, Mono now) const {
  const Node* const node = fresh_node(state.shard.primary.address, now);
  const ClusterShard* const own =
      node == nullptr ? nullptr : node->map.find_primary(state.shard.primary.id);
  return own == nullptr ? state.shard.slots : common_slots(state.shard.slots, own->slots);
}

// A node goes on listing slots that it imports at a primary that was replaced, until that is a
// replica, and at nobody then. Who could take this one's place is known, and takes all the others.
bool ClusterTopology::names(const SlotMap& told, const ShardState& state,
                            const SlotRanges& slots) const {
  SlotRanges there;
  for (const ClusterShard& shard : told.shards) {
    SlotRanges common = common_slots(shard.slots, slots);
    if (shard.primary.id == state.shard.primary.id) {
      there = std::move(common);
    } else if (!common.empty()) {
      const std::string& id = shard.primary.id;
      if (map_.find_primary(id) != nullptr || state.shard.has_replica(id)) return false;
    }
  }
  return 2 * slot_count(there) > slot_count(slots);
}

// Who has to follow it: all that anybody lists who names it. And since when it is named: by a
// majority of the others, by their newest questions; or by itself, where nobody knows a replica
// that could take its place. For that, half of the primaries have to answer, itself among them: on
// the smaller side of a partition nobody knows what the others have done. A primary that sees too
// few of them stops by itself, but only some seconds later.
void ClusterTopology::learn_of_shard(ShardState& state, Mono now) {
  std::vector<Mono> named;
  std::vector<std::string> replicas;
  std::optional<Mono> named_itself;
  bool denied = false;
  std::size_t answering = 0;
  const SlotRanges slots = slots_to_name(state, now);
  for (const ClusterShard& voter : map_.shards) {
    const bool own = voter.primary.id == state.shard.primary.id;
    const Node* const node = fresh_node(voter.primary.address, now);
    if (node == nullptr) continue;
    ++answering;
    const ClusterShard* const shard = node->map.find_primary(state.shard.primary.id);
    const bool is_named = names(node->map, state, slots);
    denied = denied || !is_named;
    if (is_named && own) named_itself = node->asked;
    if (is_named && !own) named.push_back(node->asked);
    if (shard == nullptr) continue;
    for (const ClusterNode& replica : shard->replicas) replicas.push_back(replica.peer);
    remember_replicas(*shard, state.shard);
  }
  const std::size_t others = map_.shards.size() - 1;
  const std::size_t enough = others / 2 + 1;
  if (others > 0 && named.size() >= enough) {
    std::sort(named.begin(), named.end(), [](Mono a, Mono b) { return a > b; });
    state.named_at = std::max(state.named_at, named[enough - 1]);
  }
  const bool half_answer = 2 * answering >= map_.shards.size();
  if (named_itself && !denied && replicas.empty() && half_answer) {
    state.named_at = std::max(state.named_at, *named_itself);
  }
  if (named.empty() && !named_itself) return;  // nobody tells of its replicas
  std::sort(replicas.begin(), replicas.end());
  replicas.erase(std::unique(replicas.begin(), replicas.end()), replicas.end());
  state.replicas = std::move(replicas);
}

// ---- Redirects ------------------------------------------------------------------------------

ShardId ClusterTopology::shard_at(const HostPort& primary) const {
  for (std::size_t at = 0; at < kMostShards; ++at) {
    if (shards_[at].in_use && shards_[at].shard.primary.address == primary) {
      return ShardId{static_cast<std::uint16_t>(at)};
    }
  }
  return kNowhere;
}

HostPort ClusterTopology::target_of(const Redirect& redirect, ShardId from) const {
  if (!redirect.to.host.empty()) return redirect.to;
  return {shards_[from.value].shard.primary.address.host, redirect.to.port};
}

bool ClusterTopology::take_redirect(const Redirect& redirect, ShardId from, Mono now) {
  ask_soon(now);
  const ShardId to = shard_at(target_of(redirect, from));
  if (to == kNowhere || to == from) return false;
  ShardId& at = slots_[redirect.slot];
  if (at == to) return true;  // as another call was told
  Mono& moved_at = moved_at_[redirect.slot];
  if (now < after(moved_at, kBounceUs)) return false;
  moved_at = now;
  taken_.push_back({redirect.slot, at, to, seen_at_});
  at = to;
  return true;
}

// Once nobody is in the middle of telling.
void ClusterTopology::pass_on(Mono now) {
  if (!taken_.empty()) {
    for (const Taken& taken : std::exchange(taken_, {})) {
      events_.slot_moved(taken.slot, taken.from, taken.to, taken.seen, now);
    }
    events_.slots_moved(now);
  }
  for (Asked& asked : std::exchange(to_ask_, {})) {
    events_.ask_at(asked.shard, std::move(asked.reservation), now);
  }
}

std::optional<HostPort> ClusterTopology::Part::primary(Mono) {
  if (!own().in_use) return std::nullopt;
  return own().shard.primary.address;
}

std::string ClusterTopology::Part::record_key() const {
  return "rategate:{" + tag_of_slot(own().shard.roundest_slot()) + "}:reign";
}

bool ClusterTopology::Part::moved(const Redirect& redirect, Mono now) {
  return whole_.take_redirect(redirect, id_, now);
}

bool ClusterTopology::Part::ask_elsewhere(const Redirect& redirect, const Reservation& reservation,
                                          Mono) {
  const ShardId to = whole_.shard_at(whole_.target_of(redirect, id_));
  if (to == kNowhere || to == id_) return false;
  whole_.to_ask_.push_back({to, reservation});
  return true;
}

// ---- What there is to know ------------------------------------------------------------------

void ClusterTopology::tell_words() {
  words_ = "no node of the cluster tells its map (";
  bool first = true;
  for (const auto& node : nodes_) {
    words_.append(std::exchange(first, false) ? "" : "; ").append(to_text(node->address));
    words_.append(": ").append(node->trouble.empty() ? "it has not answered yet" : node->trouble);
  }
  words_ += ")";
}

void ClusterTopology::tell_unheard(Mono now) {
  const std::int64_t patience = has_map_ ? kUnheardAfterUs : options_.connect_timeout_us;
  if (!known_ || now < after(heard_at_, patience)) return;
  known_ = false;
  tell_words();
  events_.cluster_event({ClusterEvent::What::MapUnknown, words_, {}, {}});
  if (!has_map_) events_.nowhere_known(now);
  events_.cluster_changed();
}

}  // namespace rategate
