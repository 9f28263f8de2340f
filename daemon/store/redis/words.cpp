#include "daemon/store/redis/words.hpp"

#include <algorithm>
#include <charconv>
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

// Of what a broken store may answer, so that nobody who reckons with it overflows. The ends of
// windows have 42 bits of milliseconds, till the year 2109.
constexpr std::int64_t kMaxSeconds = (std::int64_t{1} << 42) / 1000 - 1;
constexpr std::int64_t kMaxCounter = std::int64_t{1} << 53;
constexpr std::size_t kMaxErrorBytes = 256;
constexpr std::size_t kMostReignBytes = 256;  // of the record, which the script bounds as well

// Checks of one permit are told by their number alone.
bool is_checks_alone(const Reservation& r) {
  return !r.bucket && r.lease == 0 && r.in_hand == 0 && r.costs.size() == 1 &&
         r.costs.front().cost == 1;
}

std::size_t keys_of(const Reservation& r) { return r.names_base ? 2 : 1; }

bool in_one_row(const Reservation& a, const Reservation& b) {
  if (a.bucket || b.bucket) {
    return a.bucket && b.bucket && a.bucket->rate == b.bucket->rate &&
           a.bucket->burst == b.bucket->burst && a.bucket->slices == b.bucket->slices;
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

std::optional<std::int64_t> number_of(const ReplyView& reply) {
  if (reply.kind() == ReplyView::Kind::Integer) return reply.integer();
  if (reply.kind() != ReplyView::Kind::Text) return std::nullopt;
  std::int64_t value = 0;
  const auto text = reply.bytes();
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A number from the least to the most that may stand there.
std::optional<std::int64_t> number_of(const ReplyView& reply, std::int64_t least,
                                      std::int64_t most) {
  const auto value = number_of(reply);
  return value && *value >= least && *value <= most ? value : std::nullopt;
}

std::optional<StoreTime> time_of(const ReplyView& seconds, const ReplyView& micros) {
  const auto s = number_of(seconds, 0, kMaxSeconds);
  const auto us = number_of(micros, 0, 999'999);
  if (!s || !us) return std::nullopt;
  return StoreTime{*s * 1'000'000 + *us};
}

// Anybody can write a counter; its distance from a limit says nothing more beyond this.
std::int64_t counter_of(std::int64_t number) {
  return std::clamp(number, -kMaxCounter, kMaxCounter);
}

bool parse_counter(const ReplyView& reply, ReserveAnswer& answer) {
  const auto counter = number_of(reply[1]);
  const auto leased = number_of(reply[2], 0, kMaxPermits);
  if (!counter || !leased) return false;
  answer.counter = counter_of(*counter);
  answer.leased = *leased;
  return true;
}

bool parse_bucket(const ReplyView& reply, ReserveAnswer& answer) {
  const auto full_us = number_of(reply[1], 0, kMostUs);
  const auto taken = number_of(reply[2], 0, kMostTaken);
  const auto ends_ms = number_of(reply[3], 0, kMaxSeconds * 1000);
  const auto leased = number_of(reply[4], 0, kMaxPermits);
  if (!full_us || !taken || !ends_ms || !leased) return false;
  answer.bucket = {*full_us, *taken, {}};
  answer.ends_ms = *ends_ms;
  answer.leased = *leased;
  return true;
}

// What the script says of one counter; the time is no part of it.
bool parse_reserve_answer(const ReplyView& reply, const ReserveAsked& asked,
                          ReserveAnswer& answer) {
  using Status = ReserveAnswer::Status;
  answer.status = Status::Looked;
  answer.counter = answer.leased = answer.ends_ms = 0;
  answer.granted.clear();
  answer.error.clear();
  if (reply.kind() == ReplyView::Kind::Integer) {
    if (asked.checks <= 0) return false;
    answer.counter = counter_of(reply.integer());
    answer.granted.push_back(asked.checks);
    return true;
  }
  const auto status = reply.size() == 0 ? std::nullopt : number_of(reply[0], 0, 4);
  if (!status) return false;
  answer.status = static_cast<Status>(*status);
  if (answer.status == Status::Refused) {
    if (reply.size() != 2 || reply[1].kind() != ReplyView::Kind::Text) return false;
    answer.error = error_of(reply[1]);
    return true;
  }
  if (answer.status != Status::Looked) return reply.size() == 1;
  const std::size_t first_run = asked.is_bucket ? 5 : 3;
  if (reply.size() != first_run + asked.runs) return false;
  if (!(asked.is_bucket ? parse_bucket(reply, answer) : parse_counter(reply, answer))) return false;
  for (std::size_t at = first_run; at < reply.size(); ++at) {
    const auto granted = number_of(reply[at], 0, kMaxPermits);
    if (!granted) return false;
    answer.granted.push_back(*granted);
  }
  return true;
}

// The answers to one call of the recount script; how many there are. Nothing where the reply is not
// of the form, or is that the record holds something else.
std::optional<std::size_t> parse_recounts(const ReplyView& reply,
                                          std::vector<ReserveAnswer>& answers) {
  if (reply.kind() != ReplyView::Kind::Array || reply.size() < 2) return std::nullopt;
  const auto time = time_of(reply[0], reply[1]);
  const std::size_t count = reply.size() - 2;
  if (!time) return std::nullopt;
  if (answers.size() < count) answers.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    ReserveAnswer& answer = answers[i];
    answer.time = *time;
    answer.status = ReserveAnswer::Status::Refused;
    answer.error.clear();
    if (reply[2 + i].kind() == ReplyView::Kind::Integer) {
      answer.status = ReserveAnswer::Status::Looked;
      answer.counter = counter_of(reply[2 + i].integer());
    } else if (reply[2 + i].kind() == ReplyView::Kind::Text) {
      answer.error = error_of(reply[2 + i]);
    } else {
      return std::nullopt;
    }
  }
  return count;
}

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
  return keys_of(reservation) + (is_checks_alone(reservation)
                                     ? 1
                                     : (reservation.bucket ? 7 : 3) + 2 * reservation.costs.size());
}

namespace {

// A row, from its first word to its last.
void append_row(std::string& out, std::span<const Reservation> row) {
  const Reservation& first = row.front();
  const bool checks_alone = is_checks_alone(first);
  append_bulk(out, static_cast<std::int64_t>(row.size()));
  if (first.bucket) {
    append_bulk(out, "bucket");
    append_bulks(out, {first.bucket->rate.permits, first.bucket->rate.us, first.bucket->burst,
                       first.bucket->slices.slice_ms, first.bucket->slices.least_ms});
  } else {
    append_bulk(out, checks_alone ? "checks" : "costs");
    append_bulks(out, {first.window.start_ms, first.window.end_ms, first.limit, first.ahead_ms,
                       first.expire_at_ms});
  }
  for (const Reservation& r : row) {
    if (checks_alone) {
      append_bulk(out, r.costs.front().count);
      continue;
    }
    const auto runs = static_cast<std::int64_t>(r.costs.size());
    if (r.bucket) {
      append_bulks(out, {r.bucket->known.us, r.bucket->emptied.us, r.lease, r.bucket->raisable,
                         r.in_hand, r.bucket->hand_ends_ms, runs});
    } else {
      append_bulks(out, {r.lease, r.in_hand, runs});
    }
    for (const CostRun& run : r.costs) append_bulks(out, {run.cost, run.count});
  }
}

}  // namespace

void append_reserve(std::string& out, std::span<const Reservation> reservations,
                    std::string_view reign, std::string_view sha, std::string_view script) {
  std::size_t keys = reign.empty() ? 0 : 1;
  std::size_t words = 4 + keys;
  for (const Reservation& r : reservations) keys += keys_of(r);
  for (std::size_t at = 0; at < reservations.size(); at += row_of(reservations.subspan(at))) {
    words += reservations[at].bucket ? kBucketRowWords : kRowWords;
  }
  for (const Reservation& r : reservations) words += words_of(r);
  append_count(out, '*', words);
  append_bulk(out, sha.empty() ? "EVAL" : "EVALSHA");
  append_bulk(out, sha.empty() ? script : sha);
  append_bulk(out, static_cast<std::int64_t>(keys));
  for (const Reservation& r : reservations) append_bulk(out, r.counter);
  for (const Reservation& r : reservations) {
    if (r.names_base) append_bulk(out, base_name(r.counter));
  }
  if (!reign.empty()) append_bulk(out, kReignKey);
  append_bulk(out, reign);
  while (!reservations.empty()) {
    const auto row = reservations.first(row_of(reservations));
    reservations = reservations.subspan(row.size());
    append_row(out, row);
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
  append_count(out, '*', compares ? 7 : 6);
  append_bulk(out, sha.empty() ? "EVAL" : "EVALSHA");
  append_bulk(out, sha.empty() ? script : sha);
  append_bulk(out, compares ? "2" : "1");
  append_bulk(out, release.counter);
  if (compares) append_bulk(out, kReignKey);
  append_bulk(out, release.permits);
  append_bulk(out, reign);
}

std::string login_request(std::string_view username, std::string_view password) {
  return username.empty() ? redis_request({"AUTH", password})
                          : redis_request({"AUTH", username, password});
}

std::string_view release_script() { return kReleaseScript; }

std::string_view reserve_script() { return kReserveScript; }

std::optional<StoreTime> parse_time(const ReplyView& reply) {
  if (!reply.is_array_of(2)) return std::nullopt;
  return time_of(reply[0], reply[1]);
}

std::optional<StoreTime> parse_since(const ReplyView& reply) {
  if (reply.kind() != ReplyView::Kind::Text) return std::nullopt;
  const std::string_view record = reply.bytes();
  if (record.empty()) return StoreTime{};
  const std::size_t from = record.find(' ') + 1;
  const std::size_t to = record.find(' ', from);
  if (from == 0 || to == record.npos || record.size() > kMostReignBytes) return std::nullopt;
  const auto us = number_of(ReplyView::text(record.substr(from, to - from)), 0,
                            kMaxSeconds * 1'000'000 + 999'999);
  return us ? std::optional(StoreTime{*us}) : std::nullopt;
}

std::string_view error_of(const ReplyView& reply) {
  return reply.bytes().substr(0, kMaxErrorBytes);
}

ReserveAsked asked_of(const Reservation& reservation) {
  ReserveAsked asked;
  asked.id = reservation.id;
  asked.runs = static_cast<std::uint32_t>(reservation.costs.size());
  if (is_checks_alone(reservation)) asked.checks = reservation.costs.front().count;
  asked.is_bucket = reservation.bucket.has_value();
  return asked;
}

bool parse_reserve_answers(const ReplyView& reply, std::span<const ReserveAsked> asked,
                           std::vector<ReserveAnswer>& answers) {
  if (!reply.is_array_of(2 + asked.size())) return false;
  const auto time = time_of(reply[0], reply[1]);
  if (!time) return false;
  if (answers.size() < asked.size()) answers.resize(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    ReserveAnswer& answer = answers[i];
    answer.time = *time;
    if (!parse_reserve_answer(reply[2 + i], asked[i], answer)) return false;
  }
  return true;
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
      append_release(out, call.release, call.reign, call.script, release);
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

Reply read_reply(const ReplyView& reply, Call::Kind kind, std::span<const ReserveAsked> asked,
                 std::vector<ReserveAnswer>& answers) {
  Reply read;
  read.is_error = reply.kind() == ReplyView::Kind::Error;
  read.text = read.is_error ? error_of(reply) : reply.bytes();
  if (read.is_error) return read;
  if (kind == Call::Kind::Info || kind == Call::Kind::Replication) {
    read.understood = reply.kind() == ReplyView::Kind::Text;
  } else if (kind == Call::Kind::Time || kind == Call::Kind::Reign) {
    read.time = kind == Call::Kind::Time ? parse_time(reply) : parse_since(reply);
    read.understood = read.time.has_value();
  } else if (kind == Call::Kind::Wait) {
    const auto replicas = number_of(reply, 0, kMaxCounter);
    read.understood = replicas.has_value();
    read.replicas = replicas.value_or(0);
  } else if (kind == Call::Kind::Hosts) {
    const auto hosts = number_of(reply, 0, kMaxCounter);
    read.understood = hosts.has_value();
    read.hosts = hosts.value_or(0);
  } else if (kind == Call::Kind::Recount) {
    const auto count = parse_recounts(reply, answers);
    read.reign_over = reply.is_array_of(0);
    read.understood = count.has_value() || read.reign_over;
    read.answers = std::span(answers).first(count.value_or(0));
  } else if (kind == Call::Kind::Reserve && reply.is_array_of(2)) {
    read.time = parse_time(reply);
    read.understood = read.time.has_value();
    read.reign_over = true;
  } else if (kind == Call::Kind::Reserve) {
    read.understood = parse_reserve_answers(reply, asked, answers);
    if (!read.understood) return read;
    read.answers = std::span(answers).first(asked.size());
    read.time = answers.front().time;
  }
  return read;
}

}  // namespace rategate
