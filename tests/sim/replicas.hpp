// A primary and its replicas, of which one is promoted in its place, and more than once: with
// writes that it lacks, while the old one goes on, wakes, or comes back. What each host hears of
// it, and when, is drawn as well.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/witness.hpp"
#include "tests/sim/store.hpp"

namespace rategate::sim {

class Daemon;
class World;

class Replicas {
 public:
  // Where they are one shard of a cluster: who is to hear of it at once that the server is the
  // primary, or a replica. No host hears of it then in another way.
  struct Told {
    std::function<void(int server)> promoted;
    std::function<void(int server)> demoted;
  };

  Replicas(World& world, int servers) : Replicas(world, servers, 0, Told{}) {}
  // `network`: no two have the same addresses, or replids.
  Replicas(World& world, int servers, int network, Told told);

  std::string address(int server) const {
    return "10.0." + std::to_string(network_) + "." + std::to_string(server + 1) + ":6379";
  }
  std::vector<std::string> addresses() const;
  Store& store(int server) { return at(server).store; }
  int primary() const { return primary_; }
  // All others follow the primary, and have what it has, or will soon.
  bool is_settled() const;
  bool has(const Store& store) const { return find(store).has_value(); }

  // Whom that host takes for the primary.
  Store& believed(int host);
  // What it knows of who may have taken that one's place: a list, or what sentinels tell.
  std::unique_ptr<Witness> witness_of(Daemon& daemon);
  // Whom a majority of the sentinels names at this moment.
  const std::string& named() const { return at(named_).address; }
  // Calls when so many replicas have what was written there by now, or the time is over.
  using Acknowledged = std::function<void(std::int64_t replicas)>;
  void wait(Store& store, std::int64_t replicas, std::int64_t us, Acknowledged then);
  // What befalls them until the end.
  void plan();
  // The primary is replaced. Planned: nothing is lost, and the old one is a replica at once.
  void fail_over(bool planned);

 private:
  // From a primary to one of its replicas.
  struct Stream {
    int replica = 0;
    bool frozen = false;  // what is written from now on does not come there
    std::int64_t last_us = 0;
    std::int64_t acked = 0;    // offset ...
    std::int64_t read_us = 0;  // ... as the primary read it then
  };
  struct Server {
    Server(World& world, std::string address);
    Store store;
    std::string address;
    std::int64_t offset = 0;
    std::uint64_t reign = 0;  // streams of an earlier one are gone
    std::deque<Stream> streams;
  };

  Server& at(int number) { return servers_[static_cast<std::size_t>(number)]; }
  const Server& at(int number) const { return servers_[static_cast<std::size_t>(number)]; }
  std::int64_t delay();
  std::int64_t now() const;
  void attach(int primary, int replica);
  void stream(int primary, Stream& stream, const std::function<void(Server&)>& then);
  void write(int primary, const Store::Write& write);
  void acknowledge(int primary, Stream& stream);
  void acknowledge_often(int primary, Stream& stream);
  void look(int primary, std::int64_t offset, std::int64_t replicas, std::int64_t until_us,
            Acknowledged then);
  std::string info(int primary) const;
  std::optional<int> find(const Store& store) const;

  void promote(int replica);
  void demote(int server);
  void tell_hosts(int replica, std::int64_t agreed_us);
  void hear(int host, int server);

  World& world_;
  int network_;
  Told told_;
  std::deque<Server> servers_;
  int primary_ = 0;
  int named_ = 0;  // by a majority of the sentinels
  std::vector<int> believed_;
  std::uint64_t histories_;
  std::int64_t acks_every_us_;
  std::int64_t delay_us_;
};

}  // namespace rategate::sim
