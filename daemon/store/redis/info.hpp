// What INFO tells of a Redis or Valkey server, of what matters to who counts there. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rategate {

struct RedisInfo {
  std::string run_id;       // of the process; changes when it is started again
  std::string replid;       // of its data's history; changes also when it is promoted
  std::string version;      // Valkey's own, where it is one
  std::string evicts;       // the policy by which it may evict counters; empty when it does not
  std::string role;         // "master", "slave"; empty: it does not tell
  bool replicated = false;  // it has a replica, or was one
  bool loading = false;     // its data are not all there yet
  bool cluster = false;     // it is a node of a Redis Cluster
};
RedisInfo parse_info(std::string_view text);

// Of `INFO replication` alone: whether it is still the primary of that history, which has another
// replid after each promotion.
bool is_primary_of(std::string_view replication, std::string_view replid);

// How far a primary is, and how far its replicas say that they have followed.
struct Replication {
  struct Replica {
    std::string address;  // as the replica announces itself: "10.0.0.2:6379"; each is there once
    bool online = false;  // it has all of the data, and follows
    std::int64_t offset = 0;
  };
  std::int64_t offset = 0;
  std::vector<Replica> replicas;
  // Null where there is none of that address.
  const Replica* find(std::string_view address) const;
};
Replication parse_replication(std::string_view text);

}  // namespace rategate
