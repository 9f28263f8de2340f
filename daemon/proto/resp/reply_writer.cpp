#include "daemon/proto/resp/reply_writer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

namespace rategate {
namespace {

// A type byte, a number of up to 20 characters, CRLF.
constexpr std::size_t kNumberLine = 24;

// "00" to "99".
constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

constexpr std::array<std::uint32_t, 10> kPowersOfTen = {
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

// Of 1 or more. 1233/4096 is a little more than the decimal digits of a bit.
unsigned digits_of(std::uint32_t value) {
  const unsigned least = static_cast<unsigned>(std::bit_width(value)) * 1233 >> 12;
  return least + (value >= kPowersOfTen[least] ? 1 : 0);
}

void put_pair(char* at, std::uint32_t value) {
  std::memcpy(at, &kPairs[std::size_t{2} * value], 2);
}

// Four digits a step, from the last: most of an answer's time goes into its numbers, and each
// division waits for the one before.
char* put_digits(char* at, std::uint32_t value) {
  char* const end = at + digits_of(value);
  char* next = end;
  for (; value >= 10'000; value /= 10'000) {
    const std::uint32_t four = value % 10'000;
    next -= 4;
    put_pair(next, four / 100);
    put_pair(next + 2, four % 100);
  }
  if (value >= 100) {
    put_pair(next - 2, value % 100);
    value /= 100;
  }
  if (value >= 10) {
    put_pair(at, value);
  } else {
    *at = static_cast<char>('0' + value);
  }
  return end;
}

char* put_number(char* at, char type, std::int64_t value) {
  *at++ = type;
  if (value == 0) {
    *at++ = '0';
  } else if (value > 0 && value <= std::numeric_limits<std::uint32_t>::max()) {
    at = put_digits(at, static_cast<std::uint32_t>(value));
  } else {
    at = std::to_chars(at, at + 20, value).ptr;
  }
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

// An element of CHECK's answer.
char* put_element(char* at, std::int64_t value) {
  if (value < 0 || value > 9) return put_number(at, ':', value);
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
  const char* end = put_number(buffer, type, value);
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
    remaining = std::max<std::int64_t>(0, remaining - taken);
    std::memcpy(at, head, head_size);
    at = put_element(at + head_size, remaining);
    std::memcpy(at, tail, tail_size);
    at += tail_size;
  }
  out.resize(static_cast<std::size_t>(at - out.data()));
}

}  // namespace rategate
