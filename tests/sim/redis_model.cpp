#include "tests/sim/redis_model.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>

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

std::int64_t floor_of(double value) { return static_cast<std::int64_t>(std::floor(value)); }

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

std::optional<std::string> RedisModel::get(const std::string& key, std::int64_t now_us) {
  const Entry* entry = find(key, now_us);
  return entry == nullptr ? std::nullopt : std::optional(entry->value);
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

ReserveAnswer RedisModel::reserve(const Reservation& request, std::int64_t now_us) {
  const std::int64_t now_ms = now_us / 1000;
  ReserveAnswer answer;
  answer.time = StoreTime{now_us};
  answer.granted.assign(request.costs.size(), 0);
  if (request.window.end_ms <= now_ms && !mistake("past-window-accepted")) {
    answer.status = ReserveAnswer::Status::WindowOver;
    return answer;
  }
  if (request.window.start_ms - now_ms > request.ahead_ms) {
    answer.status = ReserveAnswer::Status::TooFarAhead;
    return answer;
  }

  double counter = 0;
  const auto held = get(request.counter, now_us);
  if (held) {
    const auto number = lua_number(*held);
    if (!number) {
      answer.status = ReserveAnswer::Status::Spoilt;
      return answer;
    }
    counter = *number;
  }
  // Neither an overshot counter nor one below nought has anything to give.
  double left = counter < 0 ? 0 : static_cast<double>(request.limit) - counter;
  if (left < 0 && !mistake("grant-not-clamped")) left = 0;

  std::int64_t total = 0;
  std::int64_t charged = 0;
  for (std::size_t i = 0; i < request.costs.size(); ++i) {
    const auto& [cost, count] = request.costs[i];
    const std::int64_t fits = std::min(count, floor_of(left / static_cast<double>(cost)));
    answer.granted[i] = fits;
    left -= static_cast<double>(fits * cost);
    total += fits * cost;
    charged += (mistake("denied-cost-consumes") ? count : fits) * cost;
  }
  answer.leased = std::min(request.lease, floor_of(left / 4));
  total += answer.leased;
  charged += answer.leased;

  if (!held) {
    answer.counter = charged;
    if (total > 0) {
      set(request.counter, std::to_string(charged), request.expire_at_ms - now_ms, now_us);
    } else {
      answer.counter = 0;
    }
    return answer;
  }
  answer.counter = static_cast<std::int64_t>(counter);
  if (charged != 0) {
    const Number sum = incr_by(request.counter, charged, now_us);
    if (!sum.error.empty()) {
      answer.status = ReserveAnswer::Status::Spoilt;
      answer.counter = answer.leased = 0;
      answer.granted.assign(request.costs.size(), 0);
    } else {
      answer.counter = sum.value;
    }
  }
  const std::int64_t ttl = pttl(request.counter, now_us);
  const bool ends_early = ttl >= 0 && now_ms + ttl < request.expire_at_ms;
  if (ttl == -1 || (ends_early && !mistake("ttl-only-when-missing"))) {
    expire_at(request.counter, request.expire_at_ms, now_us);
  }
  return answer;
}

std::int64_t RedisModel::release(const Release& release, std::int64_t now_us) {
  const auto held = get(release.counter, now_us);
  const auto counter = held ? lua_number(*held) : std::nullopt;
  if (!counter || *counter < static_cast<double>(release.permits)) return 0;
  incr_by(release.counter, -release.permits, now_us);
  return release.permits;
}

}  // namespace rategate::sim
