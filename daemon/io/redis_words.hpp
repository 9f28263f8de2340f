// What is said to Redis and what it says back: requests as RESP, INFO, answers and errors as types.
// No connection and no state; RedisLink has those.
#pragma once

#include <hiredis/hiredis.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/core/reservation.hpp"

namespace rategate {

std::string redis_request(std::initializer_list<std::string_view> words);

// Appends the call of the reserve script: EVALSHA, or EVAL with the whole text where no `sha` is
// known.
void append_reserve(std::string& out, const Reservation& reservation, std::string_view sha,
                    std::string_view script);

// daemon/io/reserve.lua, as it is sent.
std::string reserve_script();

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
std::optional<ReserveAnswer> parse_reserve_answer(const redisReply& reply);

enum class RedisError {
  NoScript,    // the script is not known, and the whole text is wanted
  Connection,  // no reservation will succeed on this connection: not authenticated, a replica, ...
  Counter,     // this one counter holds something else
  Store,       // it refuses writes for now: out of memory, a script that runs for too long, ...
};
RedisError kind_of_error(std::string_view error);

}  // namespace rategate
