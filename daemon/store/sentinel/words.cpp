#include "daemon/store/sentinel/words.hpp"

#include <cstddef>
#include <utility>

#include "daemon/store/redis/words.hpp"

namespace rategate {
namespace {

// A primary has a handful; whoever lists more is not believed.
constexpr std::size_t kMostReplicas = 128;

// The value behind a name, of what a server tells as names and values in turn.
std::string_view field(const ReplyView& fields, std::string_view name) {
  for (std::size_t at = 0; at + 1 < fields.size(); at += 2) {
    if (fields[at].bytes() == name) return fields[at + 1].bytes();
  }
  return {};
}

}  // namespace

std::string primary_request(std::string_view master) {
  return redis_request({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master});
}

std::string replicas_request(std::string_view master) {
  return redis_request({"SENTINEL", "REPLICAS", master});
}

std::string listen_request() {
  return redis_request({"PING"}) + redis_request({"SUBSCRIBE", "+switch-master"});
}

Result<HostPort> parse_primary(const ReplyView& reply, std::string_view master) {
  if (reply.kind() == ReplyView::Kind::Error) return Error{std::string(error_of(reply))};
  if (reply.kind() == ReplyView::Kind::Other) {
    return Error{"it knows no master " + std::string(master)};
  }
  if (!reply.is_array_of(2)) return Error{"it named the primary in a form that is not understood"};
  auto primary = to_host_port(reply[0].bytes(), reply[1].bytes());
  if (!primary) return Error{"it named a primary without an address"};
  return primary;
}

std::optional<std::vector<HostPort>> parse_replicas(const ReplyView& reply) {
  if (reply.kind() != ReplyView::Kind::Array || reply.size() > kMostReplicas) return std::nullopt;
  std::vector<HostPort> replicas;
  for (std::size_t i = 0; i < reply.size(); ++i) {
    auto replica = to_host_port(field(reply[i], "ip"), field(reply[i], "port"));
    if (!replica) return std::nullopt;
    replicas.push_back(std::move(*replica));
  }
  return replicas;
}

}  // namespace rategate
