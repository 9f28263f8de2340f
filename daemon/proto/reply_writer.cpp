#include "daemon/proto/reply_writer.hpp"

#include <charconv>

namespace rategate {
namespace {

// A type byte, a number of up to 20 characters, CRLF.
constexpr std::size_t kNumberLine = 24;

char* put_number(char* at, char type, std::int64_t value) {
  *at++ = type;
  if (value >= 0 && value < 10) {  // most numbers of a decision
    *at++ = static_cast<char>('0' + value);
    *at++ = '\r';
    *at++ = '\n';
    return at;
  }
  at = std::to_chars(at, at + 20, value).ptr;
  *at++ = '\r';
  *at++ = '\n';
  return at;
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
  if (!resp3_) return bulk(text);
  header('=', static_cast<std::int64_t>(text.size() + 4));
  out_.append("txt:").append(text).append("\r\n");
}

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
  const std::int64_t fields[] = {
      decision.allowed ? 1 : 0, decision.limit,
      decision.remaining,       decision.retry_after_ms,
      decision.reset_after_ms,  static_cast<std::int64_t>(decision.reason)};
  char buffer[7 * kNumberLine];
  char* at = put_number(buffer, '*', std::size(fields));
  for (const std::int64_t field : fields) at = put_number(at, ':', field);
  out.append(buffer, static_cast<std::size_t>(at - buffer));
}

}  // namespace rategate
