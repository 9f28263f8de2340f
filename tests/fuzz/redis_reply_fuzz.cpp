// What a store that is broken, or none, may answer to a call of the reserve script and to TIME: all
// is refused but what can be an answer, and the numbers of that one are such that sums of them do
// not overflow. Lines of the input: of each counter in the call one byte, then RESP.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "daemon/base/hash_slot.hpp"
#include "daemon/limit/bucket.hpp"
#include "daemon/limit/limit.hpp"
#include "daemon/store/cluster/redirect.hpp"
#include "daemon/store/cluster/slot_map.hpp"
#include "daemon/store/redis/info.hpp"
#include "daemon/store/redis/refusal.hpp"
#include "daemon/store/redis/words.hpp"
#include "daemon/store/sentinel/words.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/reply_tree.hpp"

namespace rategate::fuzz {
namespace {

constexpr std::int64_t kFurthest = std::int64_t{1} << 53;

// "c": one check alone; "0" to "9": so many runs of costs; "b": a bucket, "l": a log, "x": a
// counter that may be blocked, each with one run of costs.
std::vector<ReserveAsked> asked_by(std::string_view line) {
  std::vector<ReserveAsked> asked;
  for (const char c : line) {
    ReserveAsked& each = asked.emplace_back();
    each.runs = c >= '0' && c <= '9' ? static_cast<std::uint32_t>(c - '0') : 1;
    each.checks = c == 'c' ? 1 : 0;
    each.is_bucket = c == 'b' || c == 'l';
    if (c == 'l') each.log_ms = 1000;
    each.has_block = c == 'x';
  }
  return asked;
}

void check_time(StoreTime time) {
  require(time.us >= 0 && time.us / 1000 <= std::int64_t{1} << 42, "a time has 42 bits of ms");
}

void check_token_bucket(const TokenBucket& bucket) {
  require(bucket.full_us >= 0 && bucket.full_us <= kMostUs, "a moment has 52 bits");
  require(bucket.taken >= 0 && bucket.taken <= kMostTaken, "what was taken has 42 bits");
  require(bucket.settled >= 0 && bucket.settled <= kMostTaken, "what came back has 42 bits");
}

void check_log(const SlidingLog& log) {
  require(log.ever >= 0 && log.ever <= kFurthest, "what was added has 53 bits");
  std::int64_t before_ms = -1;
  for (const LogEntry& entry : log.entries) {
    require(entry.end_ms > before_ms, "entries are by their ends");
    before_ms = entry.end_ms;
    require(entry.end_ms < std::int64_t{1} << 42, "an end has 42 bits of ms");
    require(entry.permits >= 0 && entry.permits <= kMostTaken, "what was taken has 42 bits");
  }
}

void check_bucket(const Bucket& bucket) {
  if (const auto* const log = std::get_if<SlidingLog>(&bucket)) return check_log(*log);
  check_token_bucket(std::get<TokenBucket>(bucket));
}

void check_answer(const ReserveAnswer& answer, const ReserveAsked& asked) {
  check_time(answer.time);
  require(answer.counter >= -kFurthest && answer.counter <= kFurthest, "a counter is not far off");
  require(answer.leased >= 0 && answer.leased <= kMaxPermits, "a lease is a number of permits");
  check_time({answer.blocked_until_ms * 1000});
  require(asked.has_block || answer.blocked_until_ms == 0, "who asks for no block hears of none");
  if (answer.status != ReserveAnswer::Status::Looked) {
    require(answer.granted.empty() && answer.leased == 0, "nothing is granted unseen");
    require(answer.error.size() <= 256, "an error is not kept at any length");
    return;
  }
  if (asked.is_bucket) check_bucket(answer.bucket);
  require(answer.granted.size() == asked.runs, "each run has its grant");
  for (const std::int64_t granted : answer.granted) {
    require(granted >= 0 && granted <= kMaxPermits, "a grant is a number of checks");
  }
}

void check_host_port(const HostPort& server) {
  require(is_host(server.host), "a server has a host");
  require(server.port >= 1 && server.port <= 65535, "a server has a port");
}

void check_map(const SlotMap& map) {
  require(map.slot_count() <= kHashSlots, "a slot is in one shard");
  for (const ClusterShard& shard : map.shards) {
    require(!shard.slots.empty(), "a shard has slots");
    require(!shard.primary.id.empty(), "a node has an id");
    check_host_port(shard.primary.address);
    for (const ClusterNode& replica : shard.replicas) check_host_port(replica.address);
    for (const SlotRange& range : shard.slots) {
      require(range.first <= range.last && range.last < kHashSlots, "a range is one of slots");
    }
  }
}

}  // namespace
}  // namespace rategate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rategate;
  using namespace rategate::fuzz;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::size_t line = rest.substr(0, 64).find('\n');
  if (line == std::string_view::npos) return 0;
  const std::vector<ReserveAsked> asked = asked_by(rest.substr(0, line));
  rest.remove_prefix(line + 1);
  std::vector<ReserveAnswer> answers;
  while (const auto reply = ReplyTree::read(rest)) {
    if (const auto time = parse_time(reply->view())) check_time(*time);
    if (parse_reserve_answers(reply->view(), asked, answers)) {
      for (std::size_t i = 0; i < asked.size(); ++i) check_answer(answers[i], asked[i]);
    }
    require(error_of(reply->view()).size() <= 256, "an error is not kept at any length");
    refusal_of(reply->bytes);
    if (const auto primary = parse_primary(reply->view(), "m")) check_host_port(*primary);
    for (const HostPort& replica :
         parse_replicas(reply->view()).value_or(std::vector<HostPort>())) {
      check_host_port(replica);
    }
    if (const auto map = parse_slot_map(reply->view(), {"h", 1})) check_map(*map);
    if (const auto redirect = parse_redirect(reply->bytes)) {
      require(redirect->slot < kHashSlots, "a redirect is of a slot");
      if (!redirect->to.host.empty()) check_host_port(redirect->to);
    }
    parse_info(reply->bytes);
  }
  return 0;
}
