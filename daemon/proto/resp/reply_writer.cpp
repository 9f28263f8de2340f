#include "daemon/proto/resp/reply_writer.hpp"

#include <algorithm>
#include <cstring>

#include "daemon/base/number_line.hpp"

namespace rategate {
namespace {

// An element of CHECK's answer.
char* put_element(char* at, std::int64_t value) {
  if (value < 0 || value > 9) return put_number_line(at, ':', value);
  std::memcpy(at, ":0\r\n", 4);  // most of them
  at[1] = static_cast<char>('0' + value);
  return at + 4;
}

constexpr std::size_t kDecision = 7 * kNumberLine;

// What stands before the remaining permits, and what behind them.
char* put_head(char* at, const Decision& decision) {
  std::memcpy(at, "*6\r\n", 4);
  at = put_element(at + 4, decision.allowed ? 1 : 0);
  return put_element(at, decision.limit);
}

char* put_tail(char* at, const Decision& decision) {
  at = put_element(at, decision.retry_after_ms);
  at = put_element(at, decision.reset_after_ms);
  return put_element(at, static_cast<std::int64_t>(decision.reason));
}

}  // namespace

void ReplyWriter::header(char type, std::int64_t value) {
  char buffer[kNumberLine];
  const char* end = put_number_line(buffer, type, value);
  out_.append(buffer, static_cast<std::size_t>(end - buffer));
}

void ReplyWriter::line(char type, std::string_view text) {
  out_ += type;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out_ += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  out_ += "\r\n";
}

void ReplyWriter::simple(std::string_view text) { line('+', text); }

void ReplyWriter::error(std::string_view text) { line('-', text); }

void ReplyWriter::integer(std::int64_t value) { header(':', value); }

void ReplyWriter::bulk(std::string_view bytes) {
  header('$', static_cast<std::int64_t>(bytes.size()));
  out_.append(bytes).append("\r\n");
}

void ReplyWriter::null() { out_ += resp3_ ? "_\r\n" : "$-1\r\n"; }

void ReplyWriter::text(std::string_view text) {
  begin_text(text.size());
  out_.append(text);
  end_text();
}

void ReplyWriter::begin_text(std::size_t bytes) {
  if (!resp3_) return header('$', static_cast<std::int64_t>(bytes));
  header('=', static_cast<std::int64_t>(bytes + 4));
  out_ += "txt:";
}

void ReplyWriter::end_text() { out_ += "\r\n"; }

void ReplyWriter::array(std::size_t elements) { header('*', static_cast<std::int64_t>(elements)); }

void ReplyWriter::map(std::size_t pairs) {
  const auto count = static_cast<std::int64_t>(pairs);
  if (resp3_) {
    header('%', count);
  } else {
    header('*', 2 * count);
  }
}

void ReplyWriter::set(std::size_t elements) {
  header(resp3_ ? '~' : '*', static_cast<std::int64_t>(elements));
}

void write_decision(std::string& out, const Decision& decision) {
  char buffer[kDecision];
  char* at = put_head(buffer, decision);
  at = put_element(at, decision.remaining);
  at = put_tail(at, decision);
  out.append(buffer, static_cast<std::size_t>(at - buffer));
}

void write_all(std::string& out, const Decision& decision) {
  char buffer[kDecision + kNumberLine];
  std::memcpy(buffer, "*7\r\n", 4);
  char* at = put_element(buffer + 4, decision.allowed ? 1 : 0);
  at = put_element(at, static_cast<std::int64_t>(decision.member));
  at = put_element(at, decision.limit);
  at = put_element(at, decision.remaining);
  at = put_tail(at, decision);
  out.append(buffer, static_cast<std::size_t>(at - buffer));
}

// Cut to whole milliseconds, and then up to whole seconds: as redis-cell does.
void write_cell(std::string& out, const Decision& decision) {
  const auto seconds = [](std::int64_t us) { return us < 0 ? -1 : (us / 1000 + 999) / 1000; };
  char buffer[kDecision];
  std::memcpy(buffer, "*5\r\n", 4);
  char* at = put_element(buffer + 4, decision.allowed ? 0 : 1);
  at = put_element(at, decision.limit);
  at = put_element(at, std::max<std::int64_t>(0, decision.remaining));
  at = put_element(at, decision.allowed ? -1 : seconds(decision.retry_after_us));
  at = put_element(at, seconds(decision.reset_after_us));
  out.append(buffer, static_cast<std::size_t>(at - buffer));
}

void write_explained(std::string& out, const Decision& decision, const Limit& limit, int resp) {
  static constexpr std::string_view kSources[] = {"host", "store", "policy"};
  ReplyWriter reply(out, resp);
  const auto number = [&](std::string_view name, std::int64_t value) {
    reply.bulk(name);
    reply.integer(value);
  };
  const auto word = [&](std::string_view name, std::string_view value) {
    reply.bulk(name);
    reply.bulk(value);
  };
  reply.map(14);
  number("allowed", decision.allowed ? 1 : 0);
  number("limit", decision.limit);
  number("remaining", decision.remaining);
  number("retry_after_ms", decision.retry_after_ms);
  number("reset_after_ms", decision.reset_after_ms);
  number("reason", static_cast<std::int64_t>(decision.reason));
  word("rule", limit.key_rule.empty() ? limit.name : limit.key_rule);
  word("algorithm", limit.algorithm->name);
  number("period_ms", limit.period_ms);
  number("burst", burst_of(limit));
  word("source", kSources[static_cast<std::size_t>(decision.by)]);
  number("receipt", decision.receipt);
  number("near", decision.near ? 1 : 0);
  number("shadow", decision.shadow ? 1 : 0);
}

void write_told(std::string& out, Telling telling, const Decision& decision, const Limit* limit) {
  switch (telling) {
    case Telling::Integers:
      return write_decision(out, decision);
    case Telling::Cell:
      return write_cell(out, decision);
    case Telling::All:
      return write_all(out, decision);
    case Telling::Map:
      return write_explained(out, decision, *limit, 2);
    case Telling::Map3:
      return write_explained(out, decision, *limit, 3);
  }
}

void write_repeated(std::string& out, const Decision& decision, std::int64_t taken,
                    std::size_t count) {
  char head[kDecision];
  char tail[kDecision];
  const auto head_size = static_cast<std::size_t>(put_head(head, decision) - head);
  const auto tail_size = static_cast<std::size_t>(put_tail(tail, decision) - tail);
  const std::size_t before = out.size();
  out.resize(before + count * (head_size + kNumberLine + tail_size));
  char* at = out.data() + before;
  std::int64_t remaining = decision.remaining;
  for (std::size_t i = 0; i < count; ++i) {
    if (remaining > 0) remaining = std::max<std::int64_t>(0, remaining - taken);
    std::memcpy(at, head, head_size);
    at = put_element(at + head_size, remaining);
    std::memcpy(at, tail, tail_size);
    at += tail_size;
  }
  out.resize(static_cast<std::size_t>(at - out.data()));
}

}  // namespace rategate
