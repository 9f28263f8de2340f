#include "tests/sim/redis_model.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <utility>

#include "daemon/limit/fixed_window.hpp"
#include "daemon/limit/limit.hpp"
#include "daemon/store/redis/words.hpp"
#include "tests/sim/hooks.hpp"

namespace rategate::sim {
namespace {

// As Redis reads an integer: nothing around it, no sign but one minus, no needless zero.
std::optional<std::int64_t> integer_of(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::to_string(value) == text ? std::optional(value) : std::nullopt;
}

// As Lua's tonumber() reads one.
std::optional<double> lua_number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str()) return std::nullopt;
  while (*end == ' ' || (*end >= '\t' && *end <= '\r')) ++end;
  return end == text.c_str() + text.size() ? std::optional(value) : std::nullopt;
}

// As reserve.lua reads one: of what is none the rate is one that no bucket has.
TokenBucket bucket_of(const std::string& text) {
  constexpr TokenBucket kNone{0, 0, {0, 0}, 0, 0};
  if (text.find_first_not_of("0123456789 ") != text.npos) return kNone;
  std::istringstream words(text);
  TokenBucket bucket;
  words >> bucket.full_us >> bucket.taken >> bucket.rate.permits >> bucket.rate.us;
  const auto spaces = std::count(text.begin(), text.end(), ' ');
  if (spaces >= 4) words >> bucket.settled;
  if (spaces == 5) words >> bucket.cleared_us;
  if (!words || !words.eof() || spaces < 3 || spaces > 5) return kNone;
  return bucket;
}

// Whether somebody may have made it, whatever the limit's numbers were: else it is none.
bool is_sound(const TokenBucket& bucket, StoreTime now) {
  const FillRate& rate = bucket.rate;
  return bucket.full_us >= 0 && bucket.full_us < kMostUs && bucket.taken >= 0 &&
         bucket.taken < kMostTaken && bucket.settled <= kMostTaken && bucket.cleared_us < kMostUs &&
         rate.permits >= 1 && rate.permits <= kMaxPermits && rate.us >= 1 &&
         rate.us <= kMaxPeriodMs * 1000 && full_at(bucket).us <= now.us + 2 * kMostFillUs;
}

constexpr const char* kWrongType =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr double kTwoTo53 = 9007199254740992.0;

// The whole number that leaves as much of a limit: what is left beside a fraction is no permit.
std::int64_t rounded_up(double value) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (value >= kTwoTo63) return std::numeric_limits<std::int64_t>::max();
  if (value < -kTwoTo63) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(std::ceil(value));
}

// "replid since token", or the first two.
struct Record {
  std::string replid, since, token;
};
std::optional<Record> record_of(std::string_view text) {
  if (text.size() > 128) return std::nullopt;
  const auto word = [&](std::string_view of) {
    const std::size_t size = std::min(text.find_first_not_of(of), text.size());
    const std::string_view taken = text.substr(0, size);
    text.remove_prefix(size);
    return std::string(taken);
  };
  constexpr std::string_view kDigits = "0123456789", kHex = "0123456789abcdefABCDEF";
  Record record;
  record.replid = word(kHex);
  if (record.replid.empty() || !text.starts_with(' ')) return std::nullopt;
  text.remove_prefix(1);
  record.since = word(kDigits);
  if (text.starts_with(' ')) text.remove_prefix(1);
  record.token = word(kHex);
  if (record.since.empty() || !text.empty()) return std::nullopt;
  return record;
}

}  // namespace

RedisModel::Entry* RedisModel::find(const std::string& key, std::int64_t now_us) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  const std::int64_t expires = found->second.expires_ms;
  if (expires < 0 || now_us / 1000 <= expires) return &found->second;
  entries_.erase(found);
  return nullptr;
}

bool RedisModel::edge_within(std::int64_t ms, std::int64_t now_us) const {
  for (const auto& [key, entry] : entries_) {
    if (entry.expires_ms >= 0 && std::abs(entry.expires_ms - now_us / 1000) <= ms) return true;
  }
  return false;
}

std::vector<std::string> RedisModel::keys(std::int64_t now_us) const {
  std::vector<std::string> keys;
  for (const auto& [key, entry] : entries_) {
    if (entry.expires_ms < 0 || entry.expires_ms * 1000 > now_us) keys.push_back(key);
  }
  return keys;
}

std::optional<std::string> RedisModel::get(const std::string& key, std::int64_t now_us) {
  const Entry* entry = find(key, now_us);
  const bool is_string = entry != nullptr && entry->in_list == 0;
  return is_string ? std::optional(entry->value) : std::nullopt;
}

void RedisModel::set(const std::string& key, std::string value, std::int64_t expire_in_ms,
                     std::int64_t now_us) {
  entries_[key] = {std::move(value), expire_in_ms == 0 ? -1 : now_us / 1000 + expire_in_ms};
}

RedisModel::Number RedisModel::incr_by(const std::string& key, std::int64_t by,
                                       std::int64_t now_us) {
  Entry* entry = find(key, now_us);
  if (entry == nullptr) {
    set(key, std::to_string(by), 0, now_us);
    return {by, {}};
  }
  if (entry->in_list > 0) return {0, kWrongType};
  const auto value = integer_of(entry->value);
  if (!value) return {0, "ERR value is not an integer or out of range"};
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*value, by, &sum)) {
    return {0, "ERR increment or decrement would overflow"};
  }
  entry->value = std::to_string(sum);
  return {sum, {}};
}

bool RedisModel::expire_at(const std::string& key, std::int64_t at_ms, std::int64_t now_us) {
  Entry* entry = find(key, now_us);
  if (entry == nullptr) return false;
  if (at_ms <= now_us / 1000) {
    entries_.erase(key);
  } else {
    entry->expires_ms = at_ms;
  }
  return true;
}

std::int64_t RedisModel::pttl(const std::string& key, std::int64_t now_us) {
  const Entry* entry = find(key, now_us);
  if (entry == nullptr) return -2;
  return entry->expires_ms < 0 ? -1 : entry->expires_ms - now_us / 1000;
}

bool RedisModel::del(const std::string& key, std::int64_t now_us) {
  return find(key, now_us) != nullptr && entries_.erase(key) > 0;
}

RedisModel::Number RedisModel::push(const std::string& key, std::int64_t now_us) {
  if (get(key, now_us)) return {0, kWrongType};
  Entry* entry = find(key, now_us);
  if (entry == nullptr) entry = &entries_[key];
  return {++entry->in_list, {}};
}

bool RedisModel::holds_list(const std::string& key, std::int64_t now_us) {
  const Entry* entry = find(key, now_us);
  return entry != nullptr && entry->in_list > 0;
}

namespace {

std::optional<Bucket> token_bucket_of(const std::string& text, StoreTime now) {
  const TokenBucket bucket = bucket_of(text);
  return is_sound(bucket, now) ? std::optional<Bucket>(bucket) : std::nullopt;
}

// "used added cleared end:permits...", as reserve.lua reads one.
std::optional<Bucket> log_of(const std::string& text, std::int64_t period_ms, StoreTime now) {
  std::istringstream words(text);
  std::int64_t used = 0;
  SlidingLog log;
  if (!(words >> used >> log.ever >> log.cleared_us)) return std::nullopt;
  std::string rest;
  std::getline(words, rest);
  auto entries = parse_log_entries(rest);
  if (!entries || used > kMostTaken || log.cleared_us >= kMostUs) return std::nullopt;
  std::int64_t over = 0;
  for (const LogEntry& entry : *entries) {
    if (entry.end_ms + period_ms <= now.us / 1000) over += entry.permits;
  }
  const bool all_over = entries->empty() || entries->back().end_ms + period_ms <= now.us / 1000;
  if (over > used || (all_over && over < used)) return std::nullopt;
  log.period_ms = period_ms;
  log.entries = std::move(*entries);
  return log;
}

std::string text_of(const Bucket& bucket) {
  if (const auto* const log = std::get_if<SlidingLog>(&bucket)) {
    return std::to_string(permits_of(log->entries)) + " " + std::to_string(log->ever) + " " +
           std::to_string(log->cleared_us) + rategate::text_of(log->entries);
  }
  const auto& token = std::get<TokenBucket>(bucket);
  std::string text;
  for (const std::int64_t number :
       {token.full_us, token.taken, token.rate.permits, token.rate.us}) {
    text += (text.empty() ? "" : " ") + std::to_string(number);
  }
  if (token.settled > 0 || token.cleared_us > 0) text += " " + std::to_string(token.settled);
  if (token.cleared_us > 0) text += " " + std::to_string(token.cleared_us);
  return text;
}

}  // namespace

ReserveAnswer RedisModel::take_from_bucket(const Reservation& request, std::int64_t now_us) {
  ReserveAnswer answer;
  answer.time = StoreTime{now_us};
  const LogNumbers& log = request.bucket->log;
  std::optional<Bucket> stored;
  const auto held = get(request.counter, now_us);
  if (held) {
    stored = log.none() ? token_bucket_of(*held, answer.time)
                        : log_of(*held, log.period_ms, answer.time);
  }
  if ((held && !stored) || holds_list(request.counter, now_us)) {
    answer.status = ReserveAnswer::Status::Spoilt;
    return answer;
  }
  GrantOfBucket given = grant_from(stored, *request.bucket, {request.lease, request.in_hand},
                                   request.costs, answer.time, request.bookings);
  answer.granted = std::move(given.granted);
  answer.booked = std::move(given.booked);
  answer.bucket = given.bucket;
  answer.leased = given.leased;
  answer.ends_ms = given.ends_ms;
  came_back_ = given.came_back;
  if (!given.changed) return answer;
  if (given.kept_until_ms > 0) answer.leased = std::min<std::int64_t>(given.came_back, kMaxPermits);
  const std::int64_t before_ms =
      std::max(now_us / 1000 + pttl(request.counter, now_us), given.kept_until_ms);
  const std::int64_t expires_ms = expires_at_ms(given.bucket, answer.time, before_ms);
  set(request.counter, text_of(given.bucket), expires_ms - now_us / 1000, now_us);
  return answer;
}

// The block holds when it ends, and is looked at before anything else.
ReserveAnswer RedisModel::reserve(const Reservation& request, std::int64_t now_us) {
  if (!request.block) return take(request, now_us);
  const std::int64_t now_ms = now_us / 1000;
  const BlockAsked& block = *request.block;
  ReserveAnswer answer;
  answer.time = StoreTime{now_us};
  const auto value = get(block.name, now_us);
  if (holds_list(block.name, now_us)) {
    answer.status = ReserveAnswer::Status::Spoilt;
    return answer;
  }
  if (value && block.lasts_ms == 0) {
    del(block.name, now_us);
  } else if (value) {
    const bool digits = !value->empty() && value->find_first_not_of("0123456789") == value->npos;
    const double ends = digits ? std::stod(*value) : -1;
    if (ends < 0 || ends > static_cast<double>((std::int64_t{1} << 42) - 2000)) {
      answer.status = ReserveAnswer::Status::Spoilt;
      return answer;
    }
    if (ends > static_cast<double>(now_ms)) {
      answer.status = ReserveAnswer::Status::Blocked;
      answer.blocked_until_ms = static_cast<std::int64_t>(ends);
      return answer;
    }
  }
  answer = take(request, now_us);
  if (block.lasts_ms == 0 || answer.status != ReserveAnswer::Status::Looked) return answer;
  if (!refuses_some(request.costs, answer)) return answer;
  answer.blocked_until_ms = now_ms + block.lasts_ms;
  set(block.name, std::to_string(answer.blocked_until_ms), block.lasts_ms, now_us);
  return answer;
}

ReserveAnswer RedisModel::take(const Reservation& request, std::int64_t now_us) {
  if (request.bucket) return take_from_bucket(request, now_us);
  const std::int64_t now_ms = now_us / 1000;
  ReserveAnswer answer;
  answer.time = StoreTime{now_us};
  if (request.window.end_ms <= now_ms && !mistake("past-window-accepted")) {
    answer.status = ReserveAnswer::Status::WindowOver;
    return answer;
  }
  if (request.window.start_ms - now_ms > request.ahead_ms) {
    answer.status = ReserveAnswer::Status::TooFarAhead;
    return answer;
  }

  if (holds_list(request.counter, now_us)) {
    answer.status = ReserveAnswer::Status::Spoilt;
    return answer;
  }
  double counter = 0;
  const auto held = get(request.counter, now_us);
  if (held) {
    const auto number = lua_number(*held);
    if (!number || std::isnan(*number)) {
      answer.status = ReserveAnswer::Status::Spoilt;
      return answer;
    }
    counter = *number;
  }
  Grant given = grant_in_window(
      {rounded_up(counter), request.limit, request.lease, request.in_hand}, request.costs);
  answer.counter = static_cast<std::int64_t>(std::clamp(counter, -kTwoTo53, kTwoTo53));
  if (held) {
    const std::int64_t ttl = pttl(request.counter, now_us);
    const bool ends_early = ttl >= 0 && now_ms + ttl < request.expire_at_ms;
    if (ttl == -1 || (ends_early && !mistake("ttl-only-when-missing"))) {
      expire_at(request.counter, request.expire_at_ms, now_us);
    }
  }
  if (given.total != 0) {
    const Number sum = incr_by(request.counter, given.total, now_us);
    if (!sum.error.empty()) {  // Lua reads more as numbers than Redis adds to
      answer.status = ReserveAnswer::Status::Spoilt;
      return answer;
    }
    answer.counter = sum.value;
    if (!held) expire_at(request.counter, request.expire_at_ms, now_us);
  }
  answer.granted = std::move(given.granted);
  answer.leased = given.leased;
  return answer;
}

std::int64_t RedisModel::release(const Release& release, std::int64_t now_us) {
  const auto held = get(release.counter, now_us);
  const auto counter = held ? lua_number(*held) : std::nullopt;
  if (release.permits < 0) return charge(release, held.has_value(), counter, now_us);
  if (!counter || *counter < static_cast<double>(release.permits)) return 0;
  // Mistake: what was taken before is given back to a counter that was cleared since.
  const bool marked = get(mark_name(release.counter), now_us).has_value();
  if (marked && !mistake("clear-lifts-released")) return 0;
  incr_by(release.counter, -release.permits, now_us);
  return release.permits;
}

std::optional<ClearAnswer> RedisModel::clear(const Clear& clear, std::int64_t now_us) {
  const std::int64_t now_ms = now_us / 1000;
  ClearAnswer answer;
  answer.time = StoreTime{now_us};
  if (clear.mark == 0) {
    if (holds_list(mark_name(clear.counter), now_us)) return std::nullopt;
    const auto mark = lua_number(get(mark_name(clear.counter), now_us).value_or("0"));
    answer.number = static_cast<std::int64_t>(mark.value_or(0));
    return answer;
  }
  if (now_ms >= clear.window.end_ms) {
    answer.status = ClearAnswer::Status::WindowOver;
    return answer;
  }
  if (!clear.block.empty()) del(clear.block, now_us);
  const auto held = get(clear.counter, now_us);
  if (!held && !holds_list(clear.counter, now_us)) {
    answer.status = ClearAnswer::Status::NotThere;
    return answer;
  }
  const auto counter = held ? lua_number(*held) : std::nullopt;
  if (!counter || std::isnan(*counter)) return std::nullopt;
  const std::int64_t lives = std::max(pttl(clear.counter, now_us), clear.expire_at_ms - now_ms);
  // Mistake: other hosts are not told why the counter is lower than what they have taken.
  if (!mistake("clear-without-mark")) {
    set(mark_name(clear.counter), std::to_string(clear.mark), lives, now_us);
  }
  set(clear.counter, "0", lives, now_us);
  answer.number = static_cast<std::int64_t>(std::clamp(std::floor(*counter), 0.0, kTwoTo53));
  return answer;
}

std::int64_t RedisModel::charge(const Release& release, bool held, std::optional<double> counter,
                                std::int64_t now_us) {
  const bool cannot = held && (!counter || *counter > kTwoTo53);
  if (release.expire_at_ms <= now_us / 1000 || cannot) return 0;
  const std::int64_t ttl = held ? pttl(release.counter, now_us) : 0;
  if (!incr_by(release.counter, -release.permits, now_us).error.empty()) return 0;
  if (!held || now_us / 1000 + ttl < release.expire_at_ms) {
    expire_at(release.counter, release.expire_at_ms, now_us);
  }
  return release.permits;
}

ReserveAnswer RedisModel::recount(const Recount& request, const std::string& token,
                                  std::int64_t now_us) {
  const std::int64_t now_ms = now_us / 1000;
  ReserveAnswer answer;
  answer.time = StoreTime{now_us};
  if (request.expire_at_ms <= now_ms) return answer;
  const std::int64_t lives = request.expire_at_ms - now_ms;
  const auto held = get(request.counter, now_us);
  const auto number = held ? lua_number(*held) : std::optional<double>(0);
  if (!number || std::isnan(*number) || holds_list(request.counter, now_us) ||
      holds_list(base_name(request.counter), now_us)) {
    answer.status = ReserveAnswer::Status::Refused;
    return answer;
  }
  double count = *number;
  double was = std::floor(std::clamp(count, -kTwoTo53, kTwoTo53));
  const std::string base = get(base_name(request.counter), now_us).value_or("");
  const bool begun =
      base.starts_with(token + " ") && (held || std::stod(base.substr(token.size())) == 0);
  if (begun && !mistake("count-by-maximum")) was = std::stod(base.substr(token.size()));
  const double more = std::max(0.0, static_cast<double>(request.known) - was);
  if (more > 0 && held) {
    const Number sum = incr_by(request.counter, static_cast<std::int64_t>(more), now_us);
    if (!sum.error.empty()) {
      answer.status = ReserveAnswer::Status::Refused;
      return answer;
    }
    count = static_cast<double>(sum.value);
  } else if (more > 0) {
    count = more;
    set(request.counter, std::to_string(static_cast<std::int64_t>(more)), lives, now_us);
  }
  if (held && pttl(request.counter, now_us) < lives) {
    expire_at(request.counter, request.expire_at_ms, now_us);
  }
  if (more > 0 || !begun) {
    const auto now_known = static_cast<std::int64_t>(was + more);
    set(base_name(request.counter), token + " " + std::to_string(now_known), lives, now_us);
  }
  answer.counter = static_cast<std::int64_t>(std::clamp(count, -kTwoTo53, kTwoTo53));
  return answer;
}

std::optional<std::string> RedisModel::reign(const std::string& key, const Greets& greets,
                                             bool writable, std::int64_t now_us) {
  const auto held = get(key, now_us);
  const bool lost = !greets.knew.empty() && greets.knew != held;
  std::string since;
  if (const auto record = held ? record_of(*held) : std::nullopt) {
    const bool same = record->replid == greets.replid || mistake("stale-reign-believed");
    const bool past = std::stod(record->since) <= static_cast<double>(now_us);
    const auto knew = lost ? record_of(greets.knew) : std::nullopt;
    const bool doubted = knew && (record->since == "0" || record->token.empty() ||
                                  std::stod(record->since) <= std::stod(knew->since));
    if (same && past && !doubted) {
      if (!record->token.empty()) return held;
      since = record->since;
    }
  }
  // Mistake: whoever has known the data that are gone says since when they were there.
  if (mistake("since-kept-over-flush") && !held && lost) {
    if (const auto knew = record_of(greets.knew)) since = knew->since;
  }
  if (since.empty()) {
    const bool later = lost || held || greets.promoted || holds_list(key, now_us);
    since = later ? std::to_string(now_us) : "0";
  }
  if (!writable) return std::nullopt;
  const std::string written = greets.replid + " " + since + " " + greets.token;
  set(key, written, 0, now_us);
  return written;
}

}  // namespace rategate::sim
