// What is said to Redis and what it says back: requests as RESP, INFO, answers and errors as types.
// No connection and no state; RedisLink has those.
#pragma once

#include <hiredis/hiredis.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/limit/reservation.hpp"

namespace rategate {

std::string redis_request(std::initializer_list<std::string_view> words);

// Words that a reservation adds to a call of the reserve script, besides those that begin a row.
std::size_t words_of(const Reservation& reservation);
// Appends one call of the reserve script for all of them: EVALSHA, or EVAL with the whole text
// where no `sha` is known.
void append_reserve(std::string& out, std::span<const Reservation> reservations,
                    std::string_view sha, std::string_view script);
void append_release(std::string& out, const Release& release, std::string_view script);

// daemon/store/scripts/reserve.lua and release.lua, as they are sent.
std::string reserve_script();
std::string_view release_script();

struct RedisInfo {
  std::string run_id;
  std::string version;
  std::string evicts;  // the policy by which it may evict counters; empty when it does not
  bool replica = false;
};
RedisInfo parse_info(std::string_view text);

// Views the reply, which must outlive it.
std::string_view text_of(const redisReply& reply);
// Nothing where the reply is not of the form.
std::optional<StoreTime> parse_time(const redisReply& reply);

// What must be known of a reservation to read its answer.
struct ReserveAsked {
  std::uint64_t id = 0;
  std::uint32_t runs = 0;   // of costs
  std::int64_t checks = 0;  // of one permit, where there is nothing else
};
ReserveAsked asked_of(const Reservation& reservation);

// The answers to one call of the reserve script: the first of `answers`, as many as were asked. The
// others there are kept for their memory. False where the reply is not of the form.
bool parse_reserve_answers(const redisReply& reply, std::span<const ReserveAsked> asked,
                           std::vector<ReserveAnswer>& answers);

enum class RedisError {
  NoScript,    // the script is not known, and the whole text is wanted
  Connection,  // no reservation will succeed on this connection: not authenticated, a replica, ...
  Counter,     // this one counter holds something else
  Store,       // it refuses writes for now: out of memory, a script that runs for too long, ...
};
RedisError kind_of_error(std::string_view error);

}  // namespace rategate
