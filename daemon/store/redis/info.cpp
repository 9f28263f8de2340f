#include "daemon/store/redis/info.hpp"

#include <algorithm>
#include <cstddef>

namespace rategate {
namespace {

// The value of "name:" in INFO's text.
std::string_view field(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    const std::size_t end = std::min(info.find('\n', at), info.size());
    std::string_view line = info.substr(at, end - at);
    at = end + 1;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.size() > name.size() && line.substr(0, name.size()) == name &&
        line[name.size()] == ':') {
      return line.substr(name.size() + 1);
    }
  }
  return {};
}

}  // namespace

RedisInfo parse_info(std::string_view text) {
  RedisInfo info;
  info.run_id = field(text, "run_id");
  info.replid = field(text, "master_replid");
  info.version = field(text, "valkey_version");
  if (info.version.empty()) info.version = field(text, "redis_version");
  info.replica = field(text, "role") == "slave";
  const auto replicas = field(text, "connected_slaves");
  // All zeros where it was no replica since it has its replid.
  const auto replid_before = field(text, "master_replid2");
  info.replicated = (!replicas.empty() && replicas != "0") ||
                    replid_before.find_first_not_of('0') != replid_before.npos;
  info.loading = field(text, "loading") == "1";
  info.cluster = field(text, "cluster_enabled") == "1";
  const auto policy = field(text, "maxmemory_policy");
  if (policy != "noeviction" && field(text, "maxmemory") != "0") info.evicts = policy;
  return info;
}

bool is_primary_of(std::string_view replication, std::string_view replid) {
  return field(replication, "role") == "master" && field(replication, "master_replid") == replid;
}

}  // namespace rategate
