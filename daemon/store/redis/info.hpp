// What INFO tells of a Redis or Valkey server, of what matters to who counts there. Pure.
#pragma once

#include <string>
#include <string_view>

namespace rategate {

struct RedisInfo {
  std::string run_id;   // of the process; changes when it is started again
  std::string replid;   // of its data's history; changes also when it is promoted
  std::string version;  // Valkey's own, where it is one
  std::string evicts;   // the policy by which it may evict counters; empty when it does not
  bool replica = false;
  bool replicated = false;  // it has a replica, or was one
  bool loading = false;     // its data are not all there yet
  bool cluster = false;     // it is a node of a Redis Cluster
};
RedisInfo parse_info(std::string_view text);

// The same of `INFO replication` alone: whether it is still the primary of that history, which has
// another replid after each promotion.
bool is_primary_of(std::string_view replication, std::string_view replid);

}  // namespace rategate
