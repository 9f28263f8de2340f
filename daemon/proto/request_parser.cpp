#include "daemon/proto/request_parser.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "daemon/proto/inline_splitter.hpp"

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
  return done(args.words.empty() ? Parsed::Skip : Parsed::Request, *newline + 1);
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

// An argument of 0 to 9 bytes that is all there, as most are: the same as parse_argument, sooner.
bool take_short_argument(std::string_view bytes, std::size_t max_request, Args& args,
                         Progress& progress) {
  const std::size_t from = progress.position;
  if (bytes.size() < from + kMinArgument) return false;
  const char* at = bytes.data() + from;
  if (at[0] != '$' || at[1] < '0' || at[1] > '9' || at[2] != '\r' || at[3] != '\n') return false;
  const auto length = static_cast<std::size_t>(at[1] - '0');
  const std::size_t end = from + 4 + length;
  if (end + 2 > bytes.size() || end + 2 + (progress.remaining - 1) * kMinArgument > max_request ||
      bytes[end] != '\r' || bytes[end + 1] != '\n') {
    return false;
  }
  args.words.push_back(bytes.substr(from + 4, length));
  progress = {end + 2, progress.remaining - 1, end + 2};
  return true;
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

ParseResult parse_multibulk(std::string_view bytes, std::size_t max_request, Args& args,
                            Progress& progress) {
  if (progress.position == 0) {
    if (auto stop = parse_count(bytes, max_request, progress)) return std::move(*stop);
  }
  while (progress.remaining > 0) {
    if (take_short_argument(bytes, max_request, args, progress)) continue;
    if (auto stop = parse_argument(bytes, max_request, args, progress)) return std::move(*stop);
  }
  return done(Parsed::Request, progress.position);
}

}  // namespace

ParseResult parse_request(std::string_view bytes, std::size_t max_request, Args& args,
                          Progress& progress) {
  args.words.clear();
  if (bytes.empty()) return incomplete(1);
  if (bytes.front() != '*') {
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
