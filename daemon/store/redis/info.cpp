#include "daemon/store/redis/info.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

#include "daemon/base/host_port.hpp"

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

// The value of "name=" in "ip=10.0.0.2,port=6379,...".
std::string_view part(std::string_view line, std::string_view name) {
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(','), line.size());
    const std::string_view one = line.substr(0, end);
    if (one.size() > name.size() && one.starts_with(name) && one[name.size()] == '=') {
      return one.substr(name.size() + 1);
    }
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return {};
}

// 0 where it is none.
std::int64_t number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() ? number : 0;
}

// One that has connected again may be there by its dead connection as well: what it acknowledged by
// either of them, it has.
void add(Replication::Replica replica, std::vector<Replication::Replica>& to) {
  for (Replication::Replica& known : to) {
    if (known.address != replica.address) continue;
    if (!known.online || (replica.online && replica.offset > known.offset)) known = replica;
    return;
  }
  to.push_back(std::move(replica));
}

// More than anybody has; each is looked for in all of the text.
constexpr std::size_t kMostReplicas = 64;

}  // namespace

RedisInfo parse_info(std::string_view text) {
  RedisInfo info;
  info.run_id = field(text, "run_id");
  info.replid = field(text, "master_replid");
  info.version = field(text, "valkey_version");
  if (info.version.empty()) info.version = field(text, "redis_version");
  info.role = field(text, "role");
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

const Replication::Replica* Replication::find(std::string_view address) const {
  for (const Replica& replica : replicas) {
    if (replica.address == address) return &replica;
  }
  return nullptr;
}

Replication parse_replication(std::string_view text) {
  Replication replication;
  replication.offset = number_of(field(text, "master_repl_offset"));
  for (std::size_t i = 0; i < kMostReplicas; ++i) {
    const auto line = field(text, "slave" + std::to_string(i));
    if (line.empty()) break;
    Replication::Replica replica;
    replica.address = to_text({std::string(part(line, "ip")), number_of(part(line, "port"))});
    replica.online = part(line, "state") == "online";
    replica.offset = number_of(part(line, "offset"));
    add(std::move(replica), replication.replicas);
  }
  return replication;
}

bool is_primary_of(std::string_view replication, std::string_view replid) {
  return field(replication, "role") == "master" && field(replication, "master_replid") == replid;
}

}  // namespace rategate
