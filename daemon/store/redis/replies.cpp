// What a store answers, read: the other half of words.hpp.
#include <algorithm>
#include <charconv>
#include <utility>

#include "daemon/limit/limit.hpp"
#include "daemon/store/redis/words.hpp"

namespace rategate {
namespace {

// Of what a broken store may answer, so that nobody who reckons with it overflows. The ends of
// windows have 42 bits of milliseconds, till the year 2109.
constexpr std::int64_t kMaxSeconds = (std::int64_t{1} << 42) / 1000 - 1;
constexpr std::int64_t kMaxCounter = std::int64_t{1} << 53;
constexpr std::size_t kMaxErrorBytes = 256;
constexpr std::size_t kMostReignBytes = 256;  // of the record, which the script bounds as well

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

std::optional<Bucket> token_bucket_of(const ReplyView& reply, const FillRate& rate) {
  const auto full_us = number_of(reply[1], 0, kMostUs);
  const auto taken = number_of(reply[2], 0, kMostTaken);
  const auto settled = number_of(reply[3], 0, kMostTaken);
  if (!full_us || !taken || !settled) return std::nullopt;
  return TokenBucket{*full_us, *taken, rate, *settled};
}

std::optional<Bucket> log_of(const ReplyView& reply, std::int64_t period_ms) {
  const bool has_text = reply[1].kind() == ReplyView::Kind::Text;
  auto entries = has_text ? parse_log_entries(reply[1].bytes()) : std::nullopt;
  const auto ever = number_of(reply[2], 0, kMaxCounter);
  if (!entries || !ever || number_of(reply[3]) != permits_of(*entries)) return std::nullopt;
  return SlidingLog{period_ms, std::move(*entries), *ever};
}

bool parse_bucket(const ReplyView& reply, const ReserveAsked& asked, ReserveAnswer& answer) {
  auto bucket = asked.log_ms > 0 ? log_of(reply, asked.log_ms) : token_bucket_of(reply, asked.rate);
  // The script does not look at all of a log, into which somebody may have written.
  if (!bucket && asked.log_ms > 0) {
    answer.status = ReserveAnswer::Status::Spoilt;
    return true;
  }
  const auto ends_ms = number_of(reply[4], 0, kMaxSeconds * 1000);
  const auto leased = number_of(reply[5], 0, kMaxPermits);
  if (!bucket || !ends_ms || !leased) return false;
  answer.bucket = std::move(*bucket);
  answer.ends_ms = *ends_ms;
  answer.leased = *leased;
  return true;
}

bool parse_block(const ReplyView& reply, ReserveAnswer& answer) {
  const auto ends_ms = number_of(reply, 0, kMaxSeconds * 1000);
  if (ends_ms) answer.blocked_until_ms = *ends_ms;
  return ends_ms.has_value();
}

// What the script says of one counter; the time is no part of it.
bool parse_reserve_answer(const ReplyView& reply, const ReserveAsked& asked,
                          ReserveAnswer& answer) {
  using Status = ReserveAnswer::Status;
  answer.status = Status::Looked;
  answer.counter = answer.leased = answer.ends_ms = answer.blocked_until_ms = 0;
  answer.granted.clear();
  answer.booked.clear();
  answer.error.clear();
  if (reply.kind() == ReplyView::Kind::Integer) {
    if (asked.checks <= 0) return false;
    answer.counter = counter_of(reply.integer());
    answer.granted.push_back(asked.checks);
    return true;
  }
  const auto status = reply.size() == 0 ? std::nullopt : number_of(reply[0], 0, 5);
  if (!status) return false;
  answer.status = static_cast<Status>(*status);
  if (answer.status == Status::Refused) {
    if (reply.size() != 2 || reply[1].kind() != ReplyView::Kind::Text) return false;
    answer.error = error_of(reply[1]);
    return true;
  }
  if (answer.status == Status::Blocked) {
    return asked.has_block && reply.size() == 2 && parse_block(reply[1], answer);
  }
  if (answer.status != Status::Looked) return reply.size() == 1;
  const std::size_t first_run = asked.is_bucket ? 6 : 3;
  const std::size_t first_booking = first_run + asked.runs;
  const std::size_t behind = first_booking + asked.bookings;
  if (reply.size() != behind + (asked.has_block ? 1 : 0)) return false;
  if (asked.has_block && !parse_block(reply[behind], answer)) return false;
  if (!(asked.is_bucket ? parse_bucket(reply, asked, answer) : parse_counter(reply, answer))) {
    return false;
  }
  if (answer.status != Status::Looked) return true;
  for (std::size_t at = first_run; at < first_booking; ++at) {
    const auto granted = number_of(reply[at], 0, kMaxPermits);
    if (!granted) return false;
    answer.granted.push_back(*granted);
  }
  for (std::size_t at = first_booking; at < behind; ++at) {
    const auto good_us = number_of(reply[at], 0, kMostUs);
    if (!good_us) return false;
    answer.booked.push_back({*good_us});
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

// What the clear script has answered: its number, or what it says in place of one.
void read_clear(const ReplyView& reply, Reply& into) {
  const auto number = reply.is_array_of(1) ? number_of(reply[0], -2, kMaxCounter) : std::nullopt;
  into.understood = number.has_value();
  if (number == -1) into.clear.status = ClearAnswer::Status::WindowOver;
  if (number == -2) into.clear.status = ClearAnswer::Status::NotThere;
  into.clear.number = std::max<std::int64_t>(0, number.value_or(0));
}

// The same of the reserve script. A bucket that is not there is full.
void read_cleared_bucket(const ReplyView& reply, std::span<const ReserveAsked> asked,
                         std::vector<ReserveAnswer>& answers, Reply& into) {
  into.understood = parse_reserve_answers(reply, asked, answers);
  if (!into.understood) return;
  const ReserveAnswer& found = answers.front();
  into.is_error = found.status != ReserveAnswer::Status::Looked;
  if (into.is_error) {
    const bool is_log = !asked.empty() && asked.front().log_ms > 0;
    into.text = is_log ? "the counter holds no log" : "the counter holds no bucket";
    if (!found.error.empty()) into.text = found.error;
  }
  into.clear = {ClearAnswer::Status::Done, found.leased, found.bucket, found.time};
}

}  // namespace

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

// Nobody who reckons with what a broken store says overflows.
static void read_hold(const ReplyView& reply, Reply& read) {
  read.understood = false;
  if (!reply.is_array_of(8)) return;
  const auto time = time_of(reply[0], reply[1]);
  const auto status = number_of(reply[2], 0, 2);
  const auto held = number_of(reply[3], 0, kMaxCounter);
  const auto others = number_of(reply[4], 0, kMaxCounter);
  const auto until_ms = number_of(reply[5], 0, kMaxSeconds * 1000);
  const auto sharing = number_of(reply[6], 0, kMaxCounter);
  const auto least = number_of(reply[7], -1, kMaxCounter);
  if (!time || !status || !held || !others || !until_ms || !sharing || !least) return;
  read.understood = true;
  read.time = time;
  read.hold = {static_cast<HoldAnswer::Status>(*status),
               *time,
               *held,
               *others,
               StoreTime{*until_ms * 1000},
               *sharing,
               *least};
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
  } else if (kind == Call::Kind::Clear) {
    read.reign_over = reply.is_array_of(asked.empty() ? 0 : 2);
    if (!read.reign_over && asked.empty()) {
      read_clear(reply, read);
    } else if (!read.reign_over) {
      read_cleared_bucket(reply, asked, answers, read);
    }
  } else if (kind == Call::Kind::Hold) {
    read.reign_over = reply.is_array_of(0);
    if (!read.reign_over) read_hold(reply, read);
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
