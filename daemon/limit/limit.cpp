#include "daemon/limit/limit.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "daemon/base/duration.hpp"

namespace rategate {
namespace {

// Below so many permits per period a lease gains nothing.
constexpr std::int64_t kWorthLeasing = 16;

constexpr bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Which bytes a limit's name may have. A table, because each check over the socket is looked at.
constexpr std::array<bool, 256> kInNames = [] {
  std::array<bool, 256> in_names{};
  for (std::size_t byte = 0; byte < in_names.size(); ++byte) {
    const char c = static_cast<char>(byte);
    in_names[byte] = is_alnum(c) || std::string_view("_-./@").find(c) != std::string_view::npos;
  }
  return in_names;
}();

// Bytes that stand for themselves in a counter's name (RFC 3986, unreserved).
bool is_unreserved(char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '~'; }

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

}  // namespace

Result<std::int64_t> parse_permits(std::string_view text) {
  return parse_whole(text, 1, kMaxPermits);
}

Result<std::int64_t> parse_period_ms(std::string_view text) {
  auto period = parse_duration_ms(text);
  if (period && (*period < kMinPeriodMs || *period > kMaxPeriodMs)) {
    return Error{"expected a period from " + format_duration(kMinPeriodMs) + " to " +
                 format_duration(kMaxPeriodMs)};
  }
  return period;
}

Result<Rate> parse_rate(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return Error{"expected permits per period, such as 100/second, 5/10s or 1000/min"};
  }
  const auto permits = parse_permits(text.substr(0, slash));
  if (!permits) return Error{"before the slash " + permits.error()};
  const auto period = parse_period_ms(text.substr(slash + 1));
  if (!period) return Error{"after the slash " + period.error()};
  return Rate{*permits, *period};
}

std::string format_rate(const Rate& rate) {
  return std::to_string(rate.permits) + "/" + format_duration(rate.period_ms);
}

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return kInNames[static_cast<unsigned char>(c)]; });
}

Result<KeyTemplate> KeyTemplate::parse(std::string_view text) {
  if (text.size() > 256) return Error{"expected at most 256 bytes"};
  bool has_window = false;
  bool has_key = false;
  bool apart = true;  // a byte that is always escaped came since the last placeholder
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (static_cast<unsigned char>(text[i]) <= ' ' || text[i] == '\x7f') {
        return Error{"expected no spaces and no control characters"};
      }
      apart = apart || !is_unreserved(text[i]);
      continue;
    }
    const char kind = ++i < text.size() ? text[i] : '\0';
    switch (kind) {
      case '%':
        continue;  // escapes have percent signs, too: it keeps nothing apart
      case 'n':
      case 'p':
        break;
      case 'k':
        has_key = true;
        break;
      case 'w':
        has_window = true;
        break;
      default:
        return Error{"expected %n, %k, %p, %w or %% after a percent sign"};
    }
    if (!apart) {
      return Error{"expected a separator such as ':' between two placeholders"};
    }
    apart = false;
  }
  if (!has_window) return Error{"expected %w in it: a counter is of one window"};
  KeyTemplate result;
  result.text_ = text;
  result.has_key_ = has_key;
  return result;
}

std::string KeyTemplate::expand(std::string_view name, std::string_view key, std::int64_t period_ms,
                                std::int64_t window_start_ms) const {
  std::string out;
  out.reserve(text_.size() + name.size() + key.size() + 24);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] != '%') {
      out += text_[i];
      continue;
    }
    switch (text_[++i]) {
      case 'n':
        append_escaped(out, name);
        break;
      case 'k':
        append_escaped(out, key);
        break;
      case 'p':
        out += format_duration(period_ms);
        break;
      case 'w': {
        char digits[24];
        const auto end =
            std::to_chars(digits, digits + sizeof digits,
                          period_ms % 1000 == 0 ? window_start_ms / 1000 : window_start_ms);
        out.append(digits, end.ptr);
        break;
      }
      default:
        out += '%';
        break;
    }
  }
  return out;
}

bool is_leased(const Limit& limit) {
  if (!limit.algorithm->may_lease) return false;
  switch (limit.mode) {
    case Mode::Exact:
      return false;
    case Mode::Lease:
      return true;
    case Mode::Auto:
      break;
  }
  return limit.permits >= kWorthLeasing;
}

bool same_limit(const Limit& a, const Limit& b) {
  return a.name == b.name && a.permits == b.permits && a.period_ms == b.period_ms &&
         a.mode == b.mode && a.on_store_down == b.on_store_down &&
         a.redis_key.text() == b.redis_key.text() && a.algorithm == b.algorithm &&
         a.declared == b.declared;
}

Limit declared_limit(std::string_view name, const Rate& rate, bool keyed) {
  const bool recipe = name == kRecipeName && rate.period_ms == 1000 && !keyed;
  Limit limit;
  limit.name = name;
  limit.permits = rate.permits;
  limit.period_ms = rate.period_ms;
  limit.redis_key = *KeyTemplate::parse(recipe ? kRecipeRedisKey : kDefaultRedisKey);
  limit.declared = true;
  return limit;
}

}  // namespace rategate
