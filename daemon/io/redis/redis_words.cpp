#include "daemon/io/redis/redis_words.hpp"

#include <algorithm>
#include <charconv>

#include "daemon/base/mutant.hpp"
#include "daemon/store/scripts/scripts.hpp"

namespace rategate {
namespace {

// Words that begin a row of counters of one limit and window.
constexpr std::size_t kRowWords = 7;

// Checks of one permit are told by their number alone.
bool is_checks_alone(const Reservation& r) {
  return r.lease == 0 && r.costs.size() == 1 && r.costs.front().cost == 1;
}

bool in_one_row(const Reservation& a, const Reservation& b) {
  return a.window == b.window && a.limit == b.limit && a.ahead_ms == b.ahead_ms &&
         a.expire_at_ms == b.expire_at_ms && is_checks_alone(a) == is_checks_alone(b);
}

// How many of them, from the first on, are one row.
std::size_t row_of(std::span<const Reservation> reservations) {
  std::size_t n = 1;
  while (n < reservations.size() && in_one_row(reservations[0], reservations[n])) ++n;
  return n;
}

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

// What the script says of one counter; the time is no part of it.
bool parse_reserve_answer(const redisReply& reply, const ReserveAsked& asked,
                          ReserveAnswer& answer) {
  answer.granted.clear();
  if (reply.type == REDIS_REPLY_INTEGER) {
    answer.status = ReserveAnswer::Status::Looked;
    answer.counter = reply.integer;
    answer.leased = 0;
    answer.granted.push_back(asked.checks);
    return asked.checks > 0;
  }
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 3 + asked.runs) return false;
  const auto status = number_of(*reply.element[0]);
  const auto counter = number_of(*reply.element[1]);
  const auto leased = number_of(*reply.element[2]);
  if (!status || *status < 0 || *status > 3 || !counter || !leased) return false;
  answer.status = static_cast<ReserveAnswer::Status>(*status);
  answer.counter = *counter;
  answer.leased = *leased;
  for (std::size_t at = 3; at < reply.elements; ++at) {
    const auto granted = number_of(*reply.element[at]);
    if (!granted) return false;
    answer.granted.push_back(*granted);
  }
  return true;
}

// Wherever it stands.
void replace(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

std::string redis_request(std::initializer_list<std::string_view> words) {
  std::string out;
  append_count(out, '*', words.size());
  for (const auto word : words) append_bulk(out, word);
  return out;
}

std::size_t words_of(const Reservation& reservation) {
  return 1 + (is_checks_alone(reservation) ? 1 : 2 + 2 * reservation.costs.size());
}

void append_reserve(std::string& out, std::span<const Reservation> reservations,
                    std::string_view sha, std::string_view script) {
  std::size_t words = 3;
  for (std::size_t at = 0; at < reservations.size(); at += row_of(reservations.subspan(at))) {
    words += kRowWords;
  }
  for (const Reservation& r : reservations) words += words_of(r);
  append_count(out, '*', words);
  append_bulk(out, sha.empty() ? "EVAL" : "EVALSHA");
  append_bulk(out, sha.empty() ? script : sha);
  append_bulk(out, static_cast<std::int64_t>(reservations.size()));
  for (const Reservation& r : reservations) append_bulk(out, r.counter);
  while (!reservations.empty()) {
    const auto row = reservations.first(row_of(reservations));
    reservations = reservations.subspan(row.size());
    const Reservation& first = row.front();
    const bool checks_alone = is_checks_alone(first);
    append_bulk(out, static_cast<std::int64_t>(row.size()));
    append_bulk(out, checks_alone ? "checks" : "costs");
    append_bulk(out, first.window.start_ms);
    append_bulk(out, first.window.end_ms);
    append_bulk(out, first.limit);
    append_bulk(out, first.ahead_ms);
    append_bulk(out, first.expire_at_ms);
    for (const Reservation& r : row) {
      if (checks_alone) {
        append_bulk(out, r.costs.front().count);
        continue;
      }
      append_bulk(out, r.lease);
      append_bulk(out, static_cast<std::int64_t>(r.costs.size()));
      for (const CostRun& run : r.costs) {
        append_bulk(out, run.cost);
        append_bulk(out, run.count);
      }
    }
  }
}

void append_release(std::string& out, const Release& release, std::string_view script) {
  append_count(out, '*', 5);
  append_bulk(out, "EVAL");
  append_bulk(out, script);
  append_bulk(out, "1");
  append_bulk(out, release.counter);
  append_bulk(out, release.permits);
}

std::string_view release_script() { return kReleaseScript; }

std::string reserve_script() {
  std::string script(kReserveScript);
  if (mutant("script-grants-one-more")) {
    replace(script, "local limit = tonumber(ARGV[at + 4])", "local limit = 1 + ARGV[at + 4]");
  }
  if (mutant("no-ttl")) {
    replace(script, ", 'PX', lives", "");
    replace(script, "if ttl < lives", "if false");
  }
  if (mutant("ttl-only-when-missing")) replace(script, "if ttl < lives", "if ttl == -1");
  if (mutant("grant-not-clamped")) {
    replace(script, "math.max(0, limit - counter)", "limit - counter");
  }
  if (mutant("denied-cost-consumes")) {
    replace(script, "total = total + granted * cost", "total = total + count * cost");
  }
  if (mutant("past-window-accepted")) replace(script, "now >= tonumber(ARGV[at + 3])", "false");
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

ReserveAsked asked_of(const Reservation& reservation) {
  ReserveAsked asked;
  asked.id = reservation.id;
  asked.runs = static_cast<std::uint32_t>(reservation.costs.size());
  if (is_checks_alone(reservation)) asked.checks = reservation.costs.front().count;
  return asked;
}

bool parse_reserve_answers(const redisReply& reply, std::span<const ReserveAsked> asked,
                           std::vector<ReserveAnswer>& answers) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 2 + asked.size()) return false;
  const auto time = time_of(*reply.element[0], *reply.element[1]);
  if (!time) return false;
  if (answers.size() < asked.size()) answers.resize(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    ReserveAnswer& answer = answers[i];
    answer.time = *time;
    if (!parse_reserve_answer(*reply.element[2 + i], asked[i], answer)) return false;
  }
  return true;
}

RedisError kind_of_error(std::string_view error) {
  if (names_one_of(error, {"NOSCRIPT"})) return RedisError::NoScript;
  if (names_one_of(error, {"NOAUTH", "WRONGPASS", "LOADING", "READONLY", "MASTERDOWN",
                           "CLUSTERDOWN", "MOVED"})) {
    return RedisError::Connection;
  }
  if (names_one_of(error, {"WRONGTYPE", "not an integer"})) {
    return RedisError::Counter;
  }
  return RedisError::Store;
}

}  // namespace rategate
