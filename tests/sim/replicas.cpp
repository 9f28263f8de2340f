#include "tests/sim/replicas.hpp"

#include <algorithm>
#include <utility>

#include "tests/sim/daemon.hpp"
#include "tests/sim/world.hpp"

namespace rategate::sim {
namespace {

// As Redis does.
constexpr std::int64_t kAckEveryUs = 1'000'000;
// Of one shard.
constexpr std::uint64_t kMostHistories = 1000;

// A majority of sentinels, as one host sees it: it is asked now and then, sometimes in vain, and
// what it said is as old as the question.
class Sentinels final : public Witness {
 public:
  Sentinels(World& world, const Replicas& replicas, Daemon& daemon)
      : world_(world), replicas_(replicas), daemon_(daemon), addresses_(replicas.addresses()) {}

  const std::vector<std::string>& replicas() const override { return addresses_; }
  Mono named_at() const override {
    return daemon_.peer() == named_ ? daemon_.clock().read(asked_us_) : kNotNamed;
  }
  void doubt(Mono) override {
    if (std::exchange(asks_, true)) return;
    const std::int64_t trip_us = world_.random().any_size(100, 200'000);
    const std::int64_t asked_us = world_.events().now();
    const std::int64_t there_us = world_.random().below(trip_us);
    world_.events().in(there_us, [this, asked_us, trip_us, there_us] {
      const std::string named = replicas_.named();
      world_.events().in(trip_us - there_us, [this, asked_us, named] {
        asks_ = false;
        daemon_.when_awake([this, asked_us, named] {
          asked_us_ = asked_us;
          named_ = named;
          daemon_.pump();
        });
      });
    });
  }

 private:
  World& world_;
  const Replicas& replicas_;
  Daemon& daemon_;
  const std::vector<std::string> addresses_;
  bool asks_ = false;
  std::int64_t asked_us_ = 0;
  std::string named_;
};

}  // namespace

Replicas::Server::Server(World& world, std::string at)
    : store(world.events(), world.checker(), world.scenario().password), address(std::move(at)) {}

Replicas::Replicas(World& world, int servers, int network, Told told)
    : world_(world),
      network_(network),
      told_(std::move(told)),
      believed_(static_cast<std::size_t>(world.scenario().hosts), 0),
      histories_(static_cast<std::uint64_t>(network) * kMostHistories + 1),
      acks_every_us_(kAckEveryUs),
      delay_us_(world.random().any_size(50, 20'000)) {
  for (int i = 0; i < servers; ++i) {
    Server& server = servers_.emplace_back(world, address(i));
    server.store.be({address(i), [this, i](const Store::Write& write) { this->write(i, write); },
                     [this, i] { return info(i); }});
  }
  servers_[0].store.reign_as(histories_);
  for (int i = 1; i < servers; ++i) attach(0, i);
}

std::vector<std::string> Replicas::addresses() const {
  std::vector<std::string> all;
  for (const Server& server : servers_) all.push_back(server.address);
  return all;
}

bool Replicas::is_settled() const {
  const auto& streams = at(primary_).streams;
  return streams.size() + 1 == servers_.size() &&
         std::none_of(streams.begin(), streams.end(),
                      [](const Stream& stream) { return stream.frozen; });
}

std::int64_t Replicas::now() const { return world_.events().now(); }

std::int64_t Replicas::delay() { return 1 + world_.random().below(2 * delay_us_); }

Store& Replicas::believed(int host) { return at(believed_[static_cast<std::size_t>(host)]).store; }

std::unique_ptr<Witness> Replicas::witness_of(Daemon& daemon) {
  if (world_.scenario().strict) return nullptr;
  if (world_.scenario().sentinels) return std::make_unique<Sentinels>(world_, *this, daemon);
  return std::make_unique<FixedReplicas>(addresses());
}

std::optional<int> Replicas::find(const Store& store) const {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (&servers_[i].store == &store) return static_cast<int>(i);
  }
  return std::nullopt;
}

// ---- Replication ----------------------------------------------------------------------------

// It has all of its data, and follows.
void Replicas::attach(int primary, int replica) {
  Server& from = at(primary);
  Server& to = at(replica);
  ++to.reign;
  to.streams.clear();
  to.store.follow(from.store);
  to.offset = from.offset;
  Stream& added = from.streams.emplace_back();
  added.replica = replica;
  added.last_us = now();
  added.acked = to.offset;
  added.read_us = now();
  acknowledge_often(primary, added);
}

// Behind all that was streamed before, unless one of them has another role by then.
void Replicas::stream(int primary, Stream& stream, const std::function<void(Server&)>& then) {
  if (stream.frozen) return;
  stream.last_us = std::max(stream.last_us + 1, now() + delay());
  const std::uint64_t from = at(primary).reign;
  const std::uint64_t to = at(stream.replica).reign;
  world_.events().at(stream.last_us, [this, primary, &stream, from, to, then] {
    if (at(primary).reign != from) return;
    Server& replica = at(stream.replica);
    if (replica.reign == to && !stream.frozen) then(replica);
  });
}

void Replicas::write(int primary, const Store::Write& write) {
  Server& server = at(primary);
  const std::int64_t offset = ++server.offset;
  for (Stream& each : server.streams) {
    stream(primary, each, [write, offset](Server& replica) {
      replica.store.apply(write);
      replica.offset = offset;
    });
  }
}

// The replica says how far it is.
void Replicas::acknowledge(int primary, Stream& stream) {
  const Server& replica = at(stream.replica);
  const std::uint64_t from = at(primary).reign;
  world_.events().in(delay(), [this, primary, &stream, from, offset = replica.offset] {
    if (at(primary).reign != from || stream.frozen) return;
    stream.acked = std::max(stream.acked, offset);
    stream.read_us = at(primary).store.goes_on_us();
  });
}

void Replicas::acknowledge_often(int primary, Stream& stream) {
  const std::uint64_t from = at(primary).reign;
  const std::uint64_t to = at(stream.replica).reign;
  world_.events().in(acks_every_us_, [this, primary, &stream, from, to] {
    if (at(primary).reign != from) return;
    if (at(stream.replica).reign != to) return;
    if (!stream.frozen) acknowledge(primary, stream);
    acknowledge_often(primary, stream);
  });
}

void Replicas::wait(Store& store, std::int64_t replicas, std::int64_t us, Acknowledged then) {
  if (store.is_replica()) return then(0);  // an error there, which comes at once
  const int primary = *find(store);
  Server& server = at(primary);
  const std::int64_t written = server.offset;
  // REPLCONF GETACK goes down the stream; what is acknowledged is what came before it.
  const std::int64_t offset = ++server.offset;
  for (Stream& each : server.streams) {
    stream(primary, each, [this, primary, &each, offset](Server& replica) {
      acknowledge(primary, each);
      replica.offset = offset;
    });
  }
  look(primary, written, replicas, now() + us, std::move(then));
}

void Replicas::look(int primary, std::int64_t offset, std::int64_t replicas, std::int64_t until_us,
                    Acknowledged then) {
  const Server& server = at(primary);
  const auto there = std::count_if(server.streams.begin(), server.streams.end(),
                                   [&](const Stream& each) { return each.acked >= offset; });
  if (there >= replicas || now() >= until_us) return then(there);
  world_.events().in(200, [this, primary, offset, replicas, until_us, then = std::move(then)] {
    look(primary, offset, replicas, until_us, then);
  });
}

std::string Replicas::info(int primary) const {
  const Server& server = at(primary);
  std::string text = "connected_slaves:" + std::to_string(server.streams.size()) + "\r\n";
  for (std::size_t i = 0; i < server.streams.size(); ++i) {
    const Stream& each = server.streams[i];
    const std::string& address = at(each.replica).address;
    text += "slave" + std::to_string(i) + ":ip=" + address.substr(0, address.find(':')) +
            ",port=6379,state=online,offset=" + std::to_string(each.acked) +
            ",lag=" + std::to_string((now() - each.read_us) / 1'000'000) + "\r\n";
  }
  return text + "master_repl_offset:" + std::to_string(server.offset) + "\r\n";
}

// ---- What befalls them ----------------------------------------------------------------------

void Replicas::plan() {
  const Scenario& scenario = world_.scenario();
  for (int i = 0; i < scenario.failovers; ++i) {
    const std::int64_t part = scenario.length_us / (scenario.failovers + 1);
    world_.events().in(part * i + part / 8 + world_.random().below(part / 4), [this] {
      if (is_settled()) fail_over(world_.random().one_in(4));
    });
  }
}

// The old primary is frozen out, perhaps before it is known; then it dies, stands still for a
// while, goes on as if nothing were, or is a replica at once.
void Replicas::fail_over(bool planned) {
  Random& random = world_.random();
  const int old = primary_;
  Server& server = at(old);
  for (Stream& each : server.streams) each.frozen = !planned;
  const std::int64_t lost_us = world_.scenario().lag_us;
  const std::int64_t frozen_us =
      lost_us > 0 ? random.between(lost_us / 2, lost_us) : random.any_size(1, 600'000);
  const std::int64_t lag_us = planned ? 2 * delay_us_ * 2 + 2 : frozen_us;
  const int kind = planned ? 3 : static_cast<int>(random.below(3));
  const bool stands_still = kind == 1 && random.one_in(2);
  if (stands_still) server.store.stall(random.any_size(100'000, 4'000'000));
  if (planned) server.store.refuse(lag_us);
  const int next = static_cast<int>(random.below(static_cast<std::int64_t>(servers_.size()) - 1));
  const int promoted = next >= old ? next + 1 : next;
  world_.events().in(lag_us, [this, old, promoted, kind] {
    Random& chance = world_.random();
    Store& store = at(old).store;
    if (kind == 0) store.cut_off(chance.any_size(100'000, 3'000'000));
    if (kind == 0) store.restart_with_data(++histories_);
    if (kind == 1) store.stall(chance.any_size(100'000, 3'000'000));
    promote(promoted);
    if (kind == 3) return demote(old);
    const std::int64_t long_us = chance.one_in(2) ? chance.below(8'000'000) : 100'000;
    world_.events().in(chance.any_size(1000, 100'000) + long_us, [this, old] { demote(old); });
  });
}

void Replicas::promote(int replica) {
  Random& random = world_.random();
  primary_ = replica;
  // The sentinels agree on it a while after one of them has promoted it, and only then do hosts.
  const std::int64_t agreed_us =
      world_.scenario().sentinels ? random.between(1, 1'000'000) : std::int64_t{0};
  world_.events().in(agreed_us, [this, replica] { named_ = replica; });
  Server& server = at(replica);
  ++server.reign;
  // As by REPLICAOF NO ONE, or by a restart without being told whom to follow.
  if (random.one_in(4)) {
    server.store.restart_with_data(++histories_);
  } else {
    server.store.reign_as(++histories_);
  }
  for (int i = 0; i < static_cast<int>(servers_.size()); ++i) {
    const bool follows = at(i).store.is_replica();
    if (i != replica && follows) {
      world_.events().in(random.any_size(1000, 1'000'000), [this, i] { demote(i); });
    }
  }
  if (told_.promoted) return told_.promoted(replica);
  tell_hosts(replica, agreed_us);
}

void Replicas::tell_hosts(int replica, std::int64_t agreed_us) {
  Random& random = world_.random();
  for (int host = 0; host < static_cast<int>(believed_.size()); ++host) {
    const std::int64_t late_us = random.one_in(2) ? random.below(8'000'000) : 0;
    world_.events().in(agreed_us + random.any_size(1, 500'000) + late_us,
                       [this, host, replica] { hear(host, replica); });
  }
}

void Replicas::demote(int server) {
  if (server == primary_) return;
  attach(primary_, server);
  if (told_.demoted) told_.demoted(server);
}

void Replicas::hear(int host, int server) {
  if (server != primary_) return;  // it is old news
  believed_[static_cast<std::size_t>(host)] = server;
  Daemon* daemon = world_.daemon(host);
  if (daemon != nullptr) daemon->when_awake([daemon] { daemon->cut_link(); });
}

}  // namespace rategate::sim
