// What is said to Redis and what it says back: calls as RESP, replies as types. No connection and
// no state; RedisTransport has those. A reply is bytes of somebody else's: what is not of the form
// is refused, and no number in one is taken further than sums with it can go.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/limit/reservation.hpp"
#include "daemon/store/call.hpp"
#include "daemon/store/redis/reply_view.hpp"

namespace rategate {

std::string redis_request(std::initializer_list<std::string_view> words);

// Words that a reservation adds to a call of the reserve script, besides those that begin a row.
std::size_t words_of(const Reservation& reservation);
// Appends one call of the reserve script for all of them: EVALSHA, or EVAL with the whole text
// where no `sha` is known. `reign`: what the record of it has to hold; empty: it is not looked at.
void append_reserve(std::string& out, std::span<const Reservation> reservations,
                    std::string_view reign, std::string_view sha, std::string_view script);
// The same of the recount script, of which the whole text is sent. `by_replid`: the record is in
// another slot of a cluster, so that only its replid is compared.
void append_recount(std::string& out, std::span<const Recount> recounts, std::string_view reign,
                    bool by_replid = false);
void append_release(std::string& out, const Release& release, std::string_view reign,
                    std::string_view sha, std::string_view script);

// The clear script with its whole text; of a bucket the reserve script with that.
void append_clear(std::string& out, const Clear& clear, std::string_view reign,
                  std::string_view reserve);

// The hold script: EVALSHA, or EVAL with its whole text where no `sha` is known.
void append_hold(std::string& out, const HoldAsked& asked, std::string_view reign,
                 std::string_view sha);

// The record of the store's reign, which all hosts keep together.
inline constexpr std::string_view kReignKey = "rategate:reign";
// The counts of hosts, with a minute's start in unix seconds behind it: see HostCount.
inline constexpr std::string_view kHostsKey = "rategate:{hosts}:";

// Of a counter, what was known of it at the beginning of the reign: see scripts/recount.lua.
inline std::string base_name(const std::string& counter) { return counter + ":base"; }
// Of a counter that was cleared, which of its beginnings it is: see scripts/clear.lua.
inline std::string mark_name(const std::string& counter) { return counter + ":c"; }
// Without a user the password alone.
std::string login_request(std::string_view username, std::string_view password);

// daemon/store/scripts/reserve.lua and release.lua, as they are sent.
std::string_view reserve_script();
std::string_view release_script();

// TIME's answer; nothing where the reply is not of the form.
std::optional<StoreTime> parse_time(const ReplyView& reply);
// The `since` of the record that reign.lua answers, 0 where there is none; nothing where the reply
// is not of the form.
std::optional<StoreTime> parse_since(const ReplyView& reply);
// An error's words, as far as they are worth keeping: 256 bytes. Views the reply.
std::string_view error_of(const ReplyView& reply);

// What must be known of a reservation to read its answer.
struct ReserveAsked {
  std::uint64_t id = 0;
  std::uint32_t runs = 0;  // of costs
  std::uint32_t bookings = 0;
  std::int64_t checks = 0;  // of one permit, where there is nothing else
  bool has_block = false;
  bool is_bucket = false;
  FillRate rate;            // of a token bucket
  std::int64_t log_ms = 0;  // the period of a log; 0: it is none
};
ReserveAsked asked_of(const Reservation& reservation);

// The answers to one call of the reserve script that has looked at the counters: the first of
// `answers`, as many as were asked. The others there are kept for their memory. False where the
// reply is not of the form.
bool parse_reserve_answers(const ReplyView& reply, std::span<const ReserveAsked> asked,
                           std::vector<ReserveAnswer>& answers);

// Who logs in, and to which data base. Views what the caller keeps.
struct Login {
  std::string_view username;  // empty: AUTH with the password alone
  std::string_view password;
  std::int64_t db = 0;
};
// Appends any call, as Redis takes it. `reserve` and `release` are the scripts' texts.
void append_call(std::string& out, const Call& call, const Login& login, std::string_view reserve,
                 std::string_view release);

// The reply to a call of that kind; of Reserve to one with these reservations. Views the reply and
// `answers`, which is kept by the caller for its memory.
Reply read_reply(const ReplyView& reply, Call::Kind kind, std::span<const ReserveAsked> asked,
                 std::vector<ReserveAnswer>& answers);

}  // namespace rategate
