#include "daemon/store/redis/words.hpp"

#include <cstring>

#include "daemon/base/number_line.hpp"
#include "daemon/limit/limit.hpp"
#include "daemon/store/host_count.hpp"
#include "daemon/store/scripts/scripts.hpp"

namespace rategate {
namespace {

// Words that begin a row of counters of one limit and window, or of buckets of the same numbers.
constexpr std::size_t kRowWords = 7;
constexpr std::size_t kBucketRowWords = 7;
// Words of a bucket in its row, before its runs and bookings.
constexpr std::size_t kBucketWords = 10;
// Of a row that is form, numbers and a counter, those before its counter; and those of the block
// before the form.
constexpr std::size_t kFormWords = 6;
constexpr std::size_t kBlockWords = 4;
// Words that begin a row of counters that are decided together, and those before each one's own.
constexpr std::size_t kGroupWords = 2;
constexpr std::size_t kGroupedWords = 7;

// Checks of one permit are told by their number alone.
bool is_checks_alone(const Reservation& r) {
  return r.group == 0 && !r.bucket && !r.block && r.lease == 0 && r.in_hand == 0 &&
         r.costs.size() == 1 && r.costs.front().cost == 1;
}

std::size_t keys_of(const Reservation& r) { return 1 + (r.names_base ? 1 : 0) + (r.block ? 1 : 0); }

// In the script's words, without its keys and what stands before its form.
std::size_t counter_words(const Reservation& r) {
  if (is_checks_alone(r)) return 1;
  return (r.bucket ? kBucketWords : 3) + 2 * (r.costs.size() + r.bookings.size());
}

bool in_one_row(const Reservation& a, const Reservation& b) {
  if (a.block || b.block) return false;
  if (a.group != 0 || b.group != 0) return a.group == b.group;
  if (a.bucket || b.bucket) {
    return a.bucket && b.bucket && a.bucket->rate == b.bucket->rate &&
           a.bucket->log == b.bucket->log && a.bucket->burst == b.bucket->burst &&
           a.bucket->slices == b.bucket->slices;
  }
  return a.window == b.window && a.limit == b.limit && a.ahead_ms == b.ahead_ms &&
         a.expire_at_ms == b.expire_at_ms && is_checks_alone(a) == is_checks_alone(b);
}

// How many of them, from the first on, are one row.
std::size_t row_of(std::span<const Reservation> reservations) {
  std::size_t n = 1;
  while (n < reservations.size() && in_one_row(reservations[0], reservations[n])) ++n;
  return n;
}

std::size_t row_words(const Reservation& first) {
  if (first.group != 0) return kGroupWords;
  return first.bucket ? kBucketRowWords : kRowWords;
}

void append_count(std::string& out, char type, std::size_t count) {
  char line[kNumberLine];
  out.append(line, put_number_line(line, type, static_cast<std::int64_t>(count)));
}

void append_bulk(std::string& out, std::string_view bytes) {
  append_count(out, '$', bytes.size());
  out += bytes;
  out += "\r\n";
}

constexpr std::size_t kNumberWord = kNumberLine + kMostDecimal + 2;

char* put_bulk(char* at, std::int64_t number) {
  char digits[kMostDecimal];
  const auto size = put_decimal(digits, number) - digits;
  at = put_number_line(at, '$', size);
  std::memcpy(at, digits, static_cast<std::size_t>(size));
  at += size;
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

// At once, for that is what most of the time of a call's writing goes into.
template <std::size_t Count>
void append_bulks(std::string& out, const std::int64_t (&numbers)[Count]) {
  char words[Count * kNumberWord];
  char* at = words;
  for (const std::int64_t number : numbers) at = put_bulk(at, number);
  out.append(words, at);
}

void append_bulk(std::string& out, std::int64_t number) { append_bulks(out, {number}); }

std::string hosts_request(const Call& call) {
  const auto key = [](std::int64_t minute_ms) {
    return std::string(kHostsKey) + std::to_string(minute_ms / 1000);
  };
  return redis_request({"EVAL", kHostsScript, "2", key(call.minute_ms),
                        key(call.minute_ms - HostCount::kEveryMs), call.adds ? "1" : "0",
                        std::to_string(call.minute_ms + 3 * HostCount::kEveryMs)});
}

}  // namespace

std::string redis_request(std::initializer_list<std::string_view> words) {
  std::string out;
  append_count(out, '*', words.size());
  for (const auto word : words) append_bulk(out, word);
  return out;
}

std::size_t words_of(const Reservation& reservation) {
  return keys_of(reservation) + counter_words(reservation) + (reservation.block ? kBlockWords : 0) +
         (reservation.group == 0 ? 0 : kGroupedWords);
}

namespace {

// The form of a row of that counter, or of counters like it, and the numbers that all of them have.
void append_form(std::string& out, const Reservation& first) {
  if (first.bucket) {
    const BucketAsked& bucket = *first.bucket;
    const bool is_log = !bucket.log.none();
    append_bulk(out, is_log ? "log" : "bucket");
    append_bulks(out, {is_log ? bucket.log.period_ms : bucket.rate.permits,
                       is_log ? bucket.log.stamp_ms : bucket.rate.us, bucket.burst,
                       bucket.slices.slice_ms, bucket.slices.least_ms});
  } else {
    append_bulk(out, is_checks_alone(first) ? "checks" : "costs");
    append_bulks(out, {first.window.start_ms, first.window.end_ms, first.limit, first.ahead_ms,
                       first.expire_at_ms});
  }
}

// What is of that counter alone.
void append_own(std::string& out, const Reservation& r) {
  if (is_checks_alone(r)) return append_bulk(out, r.costs.front().count);
  const auto runs = static_cast<std::int64_t>(r.costs.size());
  if (r.bucket) {
    append_bulks(out, {r.bucket->known.us, r.bucket->known_settled, r.bucket->emptied.us,
                       r.bucket->back, r.lease, r.bucket->raisable, r.in_hand,
                       r.bucket->back > 0 ? r.bucket->back_ms : r.bucket->hand_ends_ms, runs,
                       static_cast<std::int64_t>(r.bookings.size())});
  } else {
    append_bulks(out, {r.lease, r.in_hand, runs});
  }
  for (const CostRun& run : r.costs) append_bulks(out, {run.cost, run.count});
  for (const BookingAsked& booking : r.bookings) {
    append_bulks(out, {booking.cost, booking.until.us});
  }
}

// A row, from its first word to its last. `block_key`: which of the call's keys its block is, if it
// has one.
void append_row(std::string& out, std::span<const Reservation> row, std::int64_t block_key) {
  append_bulk(out, static_cast<std::int64_t>(row.size()));
  if (const auto& block = row.front().block) {
    append_bulk(out, "block");
    append_bulks(out, {block_key, block->lasts_ms,
                       static_cast<std::int64_t>(kFormWords + counter_words(row.front()))});
  }
  if (row.front().group != 0) {
    append_bulk(out, "group");
    for (const Reservation& r : row) {
      append_bulk(out, r.known);
      append_form(out, r);
      append_own(out, r);
    }
    return;
  }
  append_form(out, row.front());
  for (const Reservation& r : row) append_own(out, r);
}

}  // namespace

void append_reserve(std::string& out, std::span<const Reservation> reservations,
                    std::string_view reign, std::string_view sha, std::string_view script) {
  std::size_t keys = reign.empty() ? 0 : 1;
  std::size_t words = 4 + keys;
  for (const Reservation& r : reservations) keys += keys_of(r);
  for (std::size_t at = 0; at < reservations.size(); at += row_of(reservations.subspan(at))) {
    words += row_words(reservations[at]);
  }
  for (const Reservation& r : reservations) words += words_of(r);
  append_count(out, '*', words);
  append_bulk(out, sha.empty() ? "EVAL" : "EVALSHA");
  append_bulk(out, sha.empty() ? script : sha);
  append_bulk(out, static_cast<std::int64_t>(keys));
  for (const Reservation& r : reservations) append_bulk(out, r.counter);
  auto block_key = static_cast<std::int64_t>(reservations.size());
  for (const Reservation& r : reservations) {
    if (!r.names_base) continue;
    append_bulk(out, base_name(r.counter));
    ++block_key;
  }
  for (const Reservation& r : reservations) {
    if (r.block) append_bulk(out, r.block->name);
  }
  if (!reign.empty()) append_bulk(out, kReignKey);
  append_bulk(out, reign);
  while (!reservations.empty()) {
    const auto row = reservations.first(row_of(reservations));
    reservations = reservations.subspan(row.size());
    if (row.front().block) ++block_key;
    append_row(out, row, block_key);
  }
}

void append_recount(std::string& out, std::span<const Recount> recounts, std::string_view reign,
                    bool by_replid) {
  const std::size_t keys = 2 * recounts.size() + (by_replid ? 0 : 1);
  append_count(out, '*', 3 + keys + 1 + 2 * recounts.size());
  append_bulk(out, "EVAL");
  append_bulk(out, kRecountScript);
  append_bulk(out, static_cast<std::int64_t>(keys));
  for (const Recount& r : recounts) {
    append_bulk(out, r.counter);
    append_bulk(out, base_name(r.counter));
  }
  if (!by_replid) append_bulk(out, kReignKey);
  append_bulk(out, reign);
  for (const Recount& r : recounts) append_bulks(out, {r.known, r.expire_at_ms});
}

void append_release(std::string& out, const Release& release, std::string_view reign,
                    std::string_view sha, std::string_view script) {
  const bool compares = !reign.empty();
  append_count(out, '*', compares ? 9 : 8);
  append_bulk(out, sha.empty() ? "EVAL" : "EVALSHA");
  append_bulk(out, sha.empty() ? script : sha);
  append_bulk(out, compares ? "3" : "2");
  append_bulk(out, release.counter);
  append_bulk(out, mark_name(release.counter));
  if (compares) append_bulk(out, kReignKey);
  append_bulk(out, release.permits);
  append_bulk(out, reign);
  append_bulk(out, release.expire_at_ms);
}

void append_clear(std::string& out, const Clear& clear, std::string_view reign,
                  std::string_view reserve) {
  if (clear.bucket) {
    const Reservation nothing = reservation_of(clear);
    return append_reserve(out, {&nothing, 1}, reign, {}, reserve);
  }
  const bool compares = !reign.empty();
  const bool blocks = !clear.block.empty();
  const std::size_t keys = 2 + (blocks ? 1 : 0) + (compares ? 1 : 0);
  append_count(out, '*', keys + (blocks ? 8 : 7));
  append_bulk(out, "EVAL");
  append_bulk(out, kClearScript);
  append_bulk(out, static_cast<std::int64_t>(keys));
  append_bulk(out, clear.counter);
  append_bulk(out, mark_name(clear.counter));
  if (blocks) append_bulk(out, clear.block);
  if (compares) append_bulk(out, kReignKey);
  append_bulk(out, reign);
  append_bulks(out, {clear.mark, clear.window.end_ms, clear.expire_at_ms});
  if (blocks) append_bulk(out, "1");
}

void append_hold(std::string& out, const HoldAsked& asked, std::string_view reign,
                 std::string_view sha) {
  const bool compares = !reign.empty();
  append_count(out, '*', compares ? 13 : 12);
  append_bulk(out, sha.empty() ? "EVAL" : "EVALSHA");
  append_bulk(out, sha.empty() ? kHoldScript : sha);
  append_bulk(out, compares ? "2" : "1");
  append_bulk(out, asked.counter);
  if (compares) append_bulk(out, kReignKey);
  append_bulk(out, reign);
  append_bulk(out, asked.host);
  append_bulks(out,
               {asked.sequence, asked.limit, asked.ttl_ms, asked.used, asked.kept, asked.wanted});
}

std::string login_request(std::string_view username, std::string_view password) {
  return username.empty() ? redis_request({"AUTH", password})
                          : redis_request({"AUTH", username, password});
}

std::string_view release_script() { return kReleaseScript; }

std::string_view reserve_script() { return kReserveScript; }

ReserveAsked asked_of(const Reservation& reservation) {
  ReserveAsked asked;
  asked.id = reservation.id;
  asked.runs = static_cast<std::uint32_t>(reservation.costs.size());
  asked.bookings = static_cast<std::uint32_t>(reservation.bookings.size());
  if (is_checks_alone(reservation)) asked.checks = reservation.costs.front().count;
  asked.has_block = reservation.block.has_value();
  asked.is_bucket = reservation.bucket.has_value();
  if (reservation.bucket) {
    asked.rate = reservation.bucket->rate;
    asked.log_ms = reservation.bucket->log.period_ms;
  }
  return asked;
}

void append_call(std::string& out, const Call& call, const Login& login, std::string_view reserve,
                 std::string_view release) {
  switch (call.kind) {
    case Call::Kind::Auth:
      out += login_request(login.username, login.password);
      return;
    case Call::Kind::Select:
      out += redis_request({"SELECT", std::to_string(login.db)});
      return;
    case Call::Kind::Info:
      out += redis_request({"INFO"});
      return;
    case Call::Kind::LoadReserve:
      out += redis_request({"SCRIPT", "LOAD", reserve});
      return;
    case Call::Kind::LoadRelease:
      out += redis_request({"SCRIPT", "LOAD", release});
      return;
    case Call::Kind::Reign:
      out +=
          redis_request({"EVAL", kReignScript, "1", call.record.empty() ? kReignKey : call.record,
                         call.reign, call.token, call.replicas > 0 ? "write" : ""});
      return;
    case Call::Kind::Time:
      out += redis_request({"TIME"});
      return;
    case Call::Kind::Reserve:
      append_reserve(out, call.reservations, call.reign, call.script, reserve);
      return;
    case Call::Kind::Hosts:
      out += hosts_request(call);
      return;
    case Call::Kind::Record:
      out += redis_request({"GET", kReignKey});
      return;
    case Call::Kind::Recount:
      append_recount(out, call.recounts, call.reign, call.by_replid);
      return;
    case Call::Kind::Release:
      if (call.release.bucket) {
        const Reservation nothing = reservation_of(call.release);
        append_reserve(out, {&nothing, 1}, call.reign, call.script, reserve);
      } else {
        append_release(out, call.release, call.reign, call.script, release);
      }
      return;
    case Call::Kind::Clear:
      append_clear(out, call.clear, call.reign, reserve);
      return;
    case Call::Kind::Hold:
      append_hold(out, call.hold, call.reign, call.script);
      return;
    case Call::Kind::Asking:
      out += redis_request({"ASKING"});
      return;
    case Call::Kind::Wait:
      out += redis_request({"WAIT", std::to_string(call.replicas), std::to_string(call.wait_ms)});
      return;
    case Call::Kind::Replication:
      out += redis_request({"INFO", "replication"});
      return;
  }
}

}  // namespace rategate
