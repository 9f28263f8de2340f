#include "daemon/io/redis_words.hpp"

#include <algorithm>
#include <charconv>

#include "daemon/core/mutant.hpp"
#include "daemon/io/reserve_script.hpp"

namespace rategate {
namespace {

// EVALSHA, the script, how many keys, the key, and what comes before the costs.
constexpr std::size_t kReserveWords = 9;

void append_count(std::string& out, char type, std::size_t count) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, count);
  out += type;
  out.append(digits, end.ptr);
  out += "\r\n";
}

void append_bulk(std::string& out, std::string_view bytes) {
  append_count(out, '$', bytes.size());
  out += bytes;
  out += "\r\n";
}

void append_bulk(std::string& out, std::int64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number);
  append_bulk(out, std::string_view(digits, static_cast<std::size_t>(end.ptr - digits)));
}

// The value of "name:" in INFO's text.
std::string_view info_field(std::string_view info, std::string_view name) {
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

// Anywhere in the text: Redis 6 puts its own words before the error that a script met.
bool names_one_of(std::string_view error, std::initializer_list<std::string_view> codes) {
  return std::any_of(codes.begin(), codes.end(), [&](std::string_view code) {
    return error.find(code) != std::string_view::npos;
  });
}

std::optional<std::int64_t> number_of(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_INTEGER) return reply.integer;
  std::int64_t value = 0;
  const auto text = text_of(reply);
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<StoreTime> time_of(const redisReply& seconds, const redisReply& micros) {
  const auto s = number_of(seconds);
  const auto us = number_of(micros);
  if (!s || !us) return std::nullopt;
  return StoreTime{*s * 1'000'000 + *us};
}

void replace(std::string& text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  if (at != std::string::npos) text.replace(at, what.size(), with);
}

}  // namespace

std::string redis_request(std::initializer_list<std::string_view> words) {
  std::string out;
  append_count(out, '*', words.size());
  for (const auto word : words) append_bulk(out, word);
  return out;
}

void append_reserve(std::string& out, const Reservation& r, std::string_view sha,
                    std::string_view script) {
  append_count(out, '*', kReserveWords + 2 * r.costs.size());
  append_bulk(out, sha.empty() ? "EVAL" : "EVALSHA");
  append_bulk(out, sha.empty() ? script : sha);
  append_bulk(out, "1");
  append_bulk(out, r.counter);
  append_bulk(out, r.window.start_ms);
  append_bulk(out, r.window.end_ms);
  append_bulk(out, r.limit);
  append_bulk(out, r.ahead_ms);
  append_bulk(out, r.expire_at_ms);
  for (const CostRun& run : r.costs) {
    append_bulk(out, run.cost);
    append_bulk(out, run.count);
  }
}

std::string reserve_script() {
  std::string script(kReserveScript);
  if (mutant("script-grants-one-more")) {
    replace(script, "tonumber(ARGV[3]) - c", "1 + tonumber(ARGV[3]) - c");
  }
  if (mutant("no-ttl")) replace(script, "ttl ~= -2 and (", "false and (");
  if (mutant("ttl-only-when-missing")) replace(script, " or now + ttl < tonumber(ARGV[5])", "");
  if (mutant("grant-not-clamped")) {
    replace(script, "math.max(0, tonumber(ARGV[3]) - counter)", "tonumber(ARGV[3]) - counter");
  }
  if (mutant("denied-cost-consumes")) {
    replace(script, "total = total + granted * cost",
            "total = total + tonumber(ARGV[i + 1]) * cost");
  }
  return script;
}

RedisInfo parse_info(std::string_view text) {
  RedisInfo info;
  info.run_id = info_field(text, "run_id");
  info.version = info_field(text, "valkey_version");
  if (info.version.empty()) info.version = info_field(text, "redis_version");
  info.replica = info_field(text, "role") == "slave";
  const auto policy = info_field(text, "maxmemory_policy");
  if (policy != "noeviction" && info_field(text, "maxmemory") != "0") info.evicts = policy;
  return info;
}

std::string_view text_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view() : std::string_view(reply.str, reply.len);
}

std::optional<StoreTime> parse_time(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 2) return std::nullopt;
  return time_of(*reply.element[0], *reply.element[1]);
}

std::optional<ReserveAnswer> parse_reserve_answer(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 4) return std::nullopt;
  const auto status = number_of(*reply.element[0]);
  const auto counter = number_of(*reply.element[1]);
  const auto time = time_of(*reply.element[2], *reply.element[3]);
  if (!status || *status < 0 || *status > 2 || !counter || !time) return std::nullopt;
  ReserveAnswer answer;
  answer.status = static_cast<ReserveAnswer::Status>(*status);
  answer.counter = *counter;
  answer.time = *time;
  for (std::size_t i = 4; i < reply.elements; ++i) {
    const auto granted = number_of(*reply.element[i]);
    if (!granted) return std::nullopt;
    answer.granted.push_back(*granted);
  }
  return answer;
}

RedisError kind_of_error(std::string_view error) {
  if (names_one_of(error, {"NOSCRIPT"})) return RedisError::NoScript;
  if (names_one_of(error, {"NOAUTH", "WRONGPASS", "LOADING", "READONLY", "MASTERDOWN",
                           "CLUSTERDOWN", "MOVED"})) {
    return RedisError::Connection;
  }
  if (names_one_of(error, {"WRONGTYPE", "the counter holds", "not an integer"})) {
    return RedisError::Counter;
  }
  return RedisError::Store;
}

}  // namespace rategate
