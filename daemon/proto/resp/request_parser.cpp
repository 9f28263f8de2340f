#include "daemon/proto/resp/request_parser.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "daemon/proto/resp/inline_splitter.hpp"
#include "daemon/proto/resp/other_protocol.hpp"

namespace rategate {
namespace {

// Redis' bounds: a line without its end, a count of arguments, the length of one.
constexpr std::size_t kMaxLine = 65536;
constexpr std::int64_t kMaxCount = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMaxBulk = 512LL * 1024 * 1024;
// The shortest argument there is: "$0", CRLF, nothing, CRLF.
constexpr std::size_t kMinArgument = 6;
// A line without an end that is longer than this is no number, wherever it stands.
constexpr std::size_t kLongNumber = 32;

ParseResult incomplete(std::size_t need) {
  return {.kind = Parsed::Incomplete, .consumed = 0, .error = {}, .need = need};
}

ParseResult done(Parsed kind, std::size_t consumed) {
  return {.kind = kind, .consumed = consumed, .error = {}, .need = 0};
}

ParseResult failed(ErrorId id, std::initializer_list<ErrorValue> values = {}) {
  return {.kind = Parsed::Error, .consumed = 0, .error = error_text(id, values), .need = 0};
}

// A whole number as Redis takes it on the wire: no plus, no leading zero, no "-0".
std::optional<std::int64_t> wire_number(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.starts_with('0') && text.size() > 1) return std::nullopt;
  std::int64_t value = 0;
  const char* const start = text.data();
  const char* const end = start + text.size();
  const auto [stop, fault] = std::from_chars(start, end, value);
  if (fault != std::errc() || stop != end) return std::nullopt;
  return value;
}

// Where `byte` is first in [from, end), or nothing.
std::optional<std::size_t> find(std::string_view bytes, char byte, std::size_t from,
                                std::size_t end) {
  if (from >= end) return std::nullopt;
  const void* at = std::memchr(bytes.data() + from, byte, end - from);
  if (at == nullptr) return std::nullopt;
  return static_cast<std::size_t>(static_cast<const char*>(at) - bytes.data());
}

ParseResult parse_inline(std::string_view bytes, std::size_t max_request, Args& args,
                         Progress& progress) {
  const std::size_t limit = std::min(max_request, kMaxLine);
  const std::size_t end = std::min(bytes.size(), limit);
  const auto newline = find(bytes, '\n', progress.searched, end);
  if (!newline) {
    if (bytes.size() >= limit) return failed(ErrorId::InlineTooBig);
    progress.searched = end;
    return incomplete(bytes.size() + 1);
  }
  std::string_view line = bytes.substr(0, *newline);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (!split_inline(line, args)) return failed(ErrorId::UnbalancedQuotes);
  if (args.words.empty()) return done(Parsed::Skip, *newline + 1);
  if (is_http(args.words.front())) return failed(ErrorId::OtherProtocol, {"HTTP"});
  return done(Parsed::Request, *newline + 1);
}

// The line that starts at progress.position and ends in CRLF: its CR's place, or why there is none.
struct LineEnd {
  std::size_t cr = 0;
  std::optional<ParseResult> none;
};

LineEnd find_line(std::string_view bytes, std::size_t max_request, Progress& progress) {
  const std::size_t from = progress.position;
  const std::size_t limit = std::min(max_request, from + kMaxLine) - 1;  // the CR is before it
  const std::size_t end = std::min(bytes.size(), limit);
  const auto cr = find(bytes, '\r', std::max(from, progress.searched), end);
  if (cr && *cr + 1 < bytes.size()) return {*cr, std::nullopt};
  if (cr) {
    progress.searched = *cr;
    return {0, incomplete(*cr + 2)};
  }
  if (bytes.size() >= limit) {
    if (from == 0) return {0, failed(ErrorId::MbulkCountTooBig)};
    if (limit - from > kLongNumber) return {0, failed(ErrorId::BulkCountTooBig)};
    return {0, failed(ErrorId::RequestTooBig, {max_request})};
  }
  progress.searched = end;
  return {0, incomplete(bytes.size() + 1)};
}

// The line "*<count>". Nothing where the arguments may follow.
std::optional<ParseResult> parse_count(std::string_view bytes, std::size_t max_request,
                                       Progress& progress) {
  LineEnd line = find_line(bytes, max_request, progress);
  if (line.none) return std::move(line.none);
  const auto count = wire_number(bytes.substr(1, line.cr - 1));
  if (!count || *count > kMaxCount || bytes[line.cr + 1] != '\n') {
    return failed(ErrorId::InvalidMultibulkLength);
  }
  const std::size_t position = line.cr + 2;
  if (*count <= 0) return done(Parsed::Skip, position);
  const auto remaining = static_cast<std::size_t>(*count);
  // Said before any of it arrives: such a request is never read to its end.
  if (remaining > (max_request - position) / kMinArgument) {
    return failed(ErrorId::RequestTooBig, {max_request});
  }
  progress = {position, remaining, position};
  return std::nullopt;
}

// One argument, "$<length>" and its bytes. Nothing where it is complete.
std::optional<ParseResult> parse_argument(std::string_view bytes, std::size_t max_request,
                                          Args& args, Progress& progress) {
  LineEnd line = find_line(bytes, max_request, progress);
  if (line.none) return std::move(line.none);
  const char type = bytes[progress.position];
  if (type != '$') return failed(ErrorId::ExpectedDollar, {std::string_view(&type, 1)});
  const std::size_t digits = progress.position + 1;
  const auto length = wire_number(bytes.substr(digits, line.cr - digits));
  if (!length || *length < 0 || *length > kMaxBulk || bytes[line.cr + 1] != '\n') {
    return failed(ErrorId::InvalidBulkLength);
  }
  const std::size_t start = line.cr + 2;
  const std::size_t end = start + static_cast<std::size_t>(*length);
  if (end + 2 + (progress.remaining - 1) * kMinArgument > max_request) {
    return failed(ErrorId::RequestTooBig, {max_request});
  }
  if (end + 2 > bytes.size()) {
    progress.searched = line.cr;
    return incomplete(end + 2);
  }
  if (bytes[end] != '\r' || bytes[end + 1] != '\n') return failed(ErrorId::ExpectedCrlf);
  args.words.push_back(bytes.substr(start, end - start));
  progress = {end + 2, progress.remaining - 1, end + 2};
  return std::nullopt;
}

bool is_crlf(const char* at) { return std::memcmp(at, "\r\n", 2) == 0; }

// Where a byte is no digit: above 9.
unsigned digit(char byte) { return static_cast<unsigned char>(byte) - unsigned{'0'}; }

// One to nine arguments of up to 99 bytes each that are all there, as nearly all requests are: the
// same as parse_multibulk, in one pass. How many bytes they are, or 0 where it is anything else,
// which says nothing of it yet; `args` is then of no use.
std::size_t take_short_request(std::string_view bytes, std::size_t max_request, Args& args) {
  const char* at = bytes.data();
  std::size_t left = std::min(bytes.size(), max_request);
  if (left < 4 || !is_crlf(at + 2)) return 0;
  const unsigned count = digit(at[1]);
  if (count - 1 > 8) return 0;
  at += 4;
  left -= 4;
  args.words.resize(count);
  for (std::string_view& word : args.words) {
    if (left < kMinArgument || at[0] != '$') return 0;
    std::size_t length = digit(at[1]);
    std::size_t start = 4;
    if (length > 9) return 0;
    if (at[2] != '\r') {
      const unsigned second = digit(at[2]);
      if (second > 9 || length == 0) return 0;
      length = length * 10 + second;
      start = 5;
    }
    const std::size_t size = start + length + 2;
    if (left < size || !is_crlf(at + start - 2) || !is_crlf(at + size - 2)) return 0;
    word = {at + start, length};
    at += size;
    left -= size;
  }
  return static_cast<std::size_t>(at - bytes.data());
}

ParseResult parse_multibulk(std::string_view bytes, std::size_t max_request, Args& args,
                            Progress& progress) {
  if (progress.position == 0) {
    if (auto stop = parse_count(bytes, max_request, progress)) return std::move(*stop);
  }
  while (progress.remaining > 0) {
    if (auto stop = parse_argument(bytes, max_request, args, progress)) return std::move(*stop);
  }
  return done(Parsed::Request, progress.position);
}

}  // namespace

ParseResult parse_request(std::string_view bytes, std::size_t max_request, Args& args,
                          Progress& progress) {
  if (bytes.empty()) return incomplete(1);
  const bool multibulk = bytes.front() == '*';
  if (multibulk && progress.position == 0) {
    const std::size_t consumed = take_short_request(bytes, max_request, args);
    if (consumed > 0) {
      progress = {};
      return done(Parsed::Request, consumed);
    }
  }
  args.words.clear();
  if (!multibulk) {
    if (is_tls(bytes.front())) return failed(ErrorId::OtherProtocol, {"TLS"});
    ParseResult result = parse_inline(bytes, max_request, args, progress);
    if (result.kind != Parsed::Incomplete) progress = {};
    return result;
  }
  const bool went_on = progress.position != 0;
  ParseResult result = parse_multibulk(bytes, max_request, args, progress);
  if (result.kind == Parsed::Incomplete) return result;
  progress = {};
  if (result.kind == Parsed::Request && went_on) {
    // The words before the place where it went on are not in `args`, and the bytes may have moved
    // since they were seen: now that all is there, read it once more.
    args.words.clear();
    result = parse_multibulk(bytes, max_request, args, progress);
    progress = {};
  }
  return result;
}

ParseResult parse_request(std::string_view bytes, std::size_t max_request, Args& args) {
  Progress progress;
  return parse_request(bytes, max_request, args, progress);
}

}  // namespace rategate
