// Values of settings: from TOML and from text into the configuration, and back to TOML.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "daemon/base/duration.hpp"
#include "daemon/base/host_port.hpp"
#include "daemon/base/nearest.hpp"
#include "daemon/config/document.hpp"
#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

constexpr std::size_t kMaxSocketPath = 107;  // sun_path, less the NUL at its end
constexpr std::size_t kMaxText = 4096;
constexpr std::string_view kMask = "********";

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

bool is_text(Kind kind) {
  return kind == Kind::Text || kind == Kind::Host || kind == Kind::Secret || kind == Kind::Path ||
         kind == Kind::Socket;
}

bool is_account(Kind kind) { return kind == Kind::Account || kind == Kind::Accounts; }

Error expected(const Setting& setting) { return Error{"expected " + expected_text(setting)}; }

std::optional<Error> assign_number(const Setting& setting, std::int64_t value, Config& config) {
  if (value < setting.min || value > setting.max) return expected(setting);
  *std::get<std::int64_t*>(setting.field(config)) = setting.in_us ? value * 1000 : value;
  return std::nullopt;
}

std::optional<Error> assign_choice(const Setting& setting, std::string_view word, Config& config) {
  const bool chosen = std::visit(Overloaded{
                                     [&]<HasWords Enum>(Enum* field) {
                                       const auto value = parse_word<Enum>(word);
                                       if (value) *field = *value;
                                       return static_cast<bool>(value);
                                     },
                                     [](auto*) { return false; },
                                 },
                                 setting.field(config));
  if (chosen) return std::nullopt;
  Error error = expected(setting);
  if (const auto near = nearest(word, setting.choices)) {
    error.text += "; did you mean \"" + std::string(*near) + "\"?";
  }
  return error;
}

// A scheme such as "unix://" before it: a URL is no path and no host.
bool is_url(std::string_view text) { return text.find("://") != std::string_view::npos; }

// No name of a user or a group has a space or a control character in it, and between two commas
// there is one.
bool are_accounts(std::string_view text, bool several) {
  bool ended = true;
  for (const char c : text) {
    if (c == ' ' || has_control({&c, 1})) return false;
    if (c == ',' && (ended || !several)) return false;
    ended = c == ',';
  }
  return !ended;
}

// What is wrong with a host that people write, and what is right in its place; else empty.
std::string host_advice(std::string_view text) {
  if (is_url(text)) return "; a whole URL goes to --redis";
  if (text.starts_with('[')) return "; an IPv6 address has no brackets here";
  if (std::count(text.begin(), text.end(), ':') == 1) {
    return "; the port is a setting of its own, port (REDIS_PORT)";
  }
  return {};
}

bool valid_text(const Setting& setting, std::string_view text) {
  if (text.size() > kMaxText) return false;
  if (text.empty()) return setting.may_be_empty;
  switch (setting.kind) {
    case Kind::Secret:
      return true;
    case Kind::Path:
      return text[0] == '/' && !has_control(text);
    case Kind::Socket:
      return text.size() <= kMaxSocketPath && !has_control(text) && !is_url(text);
    case Kind::Host:
      return is_host(text);
    case Kind::Account:
    case Kind::Accounts:
      return are_accounts(text, setting.kind == Kind::Accounts);
    case Kind::Target:
      return std::find(kLogTargets.begin(), kLogTargets.end(), text) != kLogTargets.end() ||
             (text.starts_with(kLogFile) && text.substr(kLogFile.size()).starts_with('/') &&
              !has_control(text));
    default:
      // A name of a user of Redis, an address, a key's template: no such has a space in it.
      return !has_control(text) && text.find(' ') == std::string_view::npos;
  }
}

std::optional<Error> assign_mode(const Setting& setting, std::string_view text, Config& config) {
  // "0660" or "660": no bits beyond reading, writing and executing.
  if (text.size() == 4 && text[0] == '0') text.remove_prefix(1);
  std::uint32_t mode = 0;
  for (const char c : text) {
    if (c < '0' || c > '7') return expected(setting);
    mode = mode << 3 | static_cast<std::uint32_t>(c - '0');
  }
  if (text.size() != 3) return expected(setting);
  *std::get<std::uint32_t*>(setting.field(config)) = mode;
  return std::nullopt;
}

std::optional<Error> assign_string(const Setting& setting, std::string_view text, Config& config) {
  switch (setting.kind) {
    case Kind::Whole:
    case Kind::Switch:
    case Kind::Servers:
    case Kind::Command:
    case Kind::Fraction:
    case Kind::Period:
    case Kind::KeyRules:
      return expected(setting);
    case Kind::Duration: {
      const auto ms = parse_duration_ms(text);
      return ms ? assign_number(setting, *ms, config) : expected(setting);
    }
    case Kind::FileMode:
      return assign_mode(setting, text, config);
    case Kind::Choice:
      return assign_choice(setting, text, config);
    case Kind::Text:
    case Kind::Host:
    case Kind::Account:
    case Kind::Accounts:
    case Kind::Secret:
    case Kind::Path:
    case Kind::Socket:
    case Kind::Target:
      break;
  }
  if (!valid_text(setting, text)) {
    Error error = expected(setting);
    if (setting.kind == Kind::Target) {
      if (const auto near = nearest(text, kLogTargets)) {
        error.text += "; did you mean \"" + std::string(*near) + "\"?";
      }
    }
    if (setting.kind == Kind::Host) error.text += host_advice(text);
    if (setting.kind == Kind::Socket && is_url(text)) error.text += "; it is not a URL";
    return error;
  }
  *std::get<std::string*>(setting.field(config)) = text;
  return std::nullopt;
}

std::optional<Error> assign_servers(const Setting& setting, const List& list, Config& config) {
  std::vector<HostPort> servers;
  if (list.size() > static_cast<std::size_t>(setting.max)) return expected(setting);
  for (const Value& value : list) {
    const auto* text = std::get_if<std::string>(&value.data);
    auto server = text == nullptr ? Error{} : parse_host_port(*text);
    if (!server) return expected(setting);
    if (std::find(servers.begin(), servers.end(), *server) != servers.end()) {
      return Error{expected(setting).text + "; " + quoted(to_text(*server)) + " is there twice"};
    }
    servers.push_back(std::move(*server));
  }
  *std::get<std::vector<HostPort>*>(setting.field(config)) = std::move(servers);
  return std::nullopt;
}

std::optional<Error> assign_command(const Setting& setting, const List& list, Config& config) {
  std::vector<std::string> words;
  for (const Value& value : list) {
    const auto* word = std::get_if<std::string>(&value.data);
    if (word == nullptr || word->size() > kMaxText || word->find('\0') != std::string::npos) {
      return expected(setting);
    }
    words.push_back(*word);
  }
  const bool takes = words.empty() ? setting.may_be_empty : words[0].starts_with('/');
  if (!takes) return expected(setting);
  *std::get<std::vector<std::string>*>(setting.field(config)) = std::move(words);
  return std::nullopt;
}

std::string octal(std::uint32_t mode) {
  std::string text = "0000";
  for (std::size_t i = 4; i-- > 0; mode >>= 3) text[i] = static_cast<char>('0' + (mode & 7));
  return text;
}

// What a range means in words, after the kind's own.
std::string range_text(const Setting& setting) {
  if (setting.kind == Kind::Duration || setting.kind == Kind::Period) {
    return " from " + format_duration(setting.min) + " to " + format_duration(setting.max);
  }
  return " from " + std::to_string(setting.min) + " to " + std::to_string(setting.max);
}

}  // namespace

std::optional<Error> assign(const Setting& setting, const Value& value, Config& config) {
  if (const auto* text = std::get_if<std::string>(&value.data)) {
    return assign_string(setting, *text, config);
  }
  if (const auto* number = std::get_if<std::int64_t>(&value.data)) {
    if (setting.kind == Kind::Whole) return assign_number(setting, *number, config);
    if (setting.kind == Kind::Duration) {
      return Error{expected(setting).text + "; " + std::to_string(*number) + " has no unit"};
    }
    if (is_account(setting.kind) && *number >= 0) {
      return assign_string(setting, std::to_string(*number), config);
    }
  }
  if (const auto* truth = std::get_if<bool>(&value.data); truth && setting.kind == Kind::Switch) {
    *std::get<bool*>(setting.field(config)) = *truth;
    return std::nullopt;
  }
  if (const auto* list = std::get_if<List>(&value.data); list && setting.kind == Kind::Servers) {
    return assign_servers(setting, *list, config);
  }
  if (const auto* list = std::get_if<List>(&value.data); list && setting.kind == Kind::Command) {
    return assign_command(setting, *list, config);
  }
  return is_text(setting.kind) ? Error{expected(setting).text + ", in quotes"} : expected(setting);
}

std::optional<Error> assign_text(const Setting& setting, std::string_view text, Config& config) {
  if (setting.kind == Kind::Whole) {
    const auto number = parse_whole(text, setting.min, setting.max);
    return number ? assign_number(setting, *number, config) : expected(setting);
  }
  return assign_string(setting, text, config);
}

bool has_value(const Setting& setting, const Config& config) {
  return std::visit(
      Overloaded{[](const std::string* text) { return !text->empty(); },
                 [](const std::vector<std::string>* words) { return !words->empty(); },
                 [](const std::vector<HostPort>* servers) { return !servers->empty(); },
                 [](const auto*) { return true; }},
      field_of(setting, config));
}

bool same_value(const Setting& setting, const Config& a, const Config& b) {
  return std::visit(
      [](auto* x, auto* y) {
        if constexpr (std::is_same_v<decltype(x), decltype(y)>) {
          return *x == *y;
        } else {
          return false;
        }
      },
      field_of(setting, a), field_of(setting, b));
}

std::string quoted(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out += '"';
}

std::string key_text(std::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '-';
  });
  return bare ? std::string(key) : quoted(key);
}

std::string fraction_text(std::int64_t ppm) {
  std::string digits = std::to_string(1'000'000 + ppm % 1'000'000).substr(1);
  digits.erase(std::min(digits.find_last_not_of('0') + 1, digits.size()));
  const std::string whole = std::to_string(ppm / 1'000'000);
  return digits.empty() ? whole : whole + "." + digits;
}

std::string list_text(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? ", " : "") + quoted(text);
  return out + "]";
}

std::string value_text(const Setting& setting, const Config& config) {
  return std::visit(
      Overloaded{
          [&](const std::string* text) {
            return quoted(setting.kind == Kind::Secret && !text->empty() ? kMask : *text);
          },
          [&](const std::int64_t* number) {
            if (setting.kind != Kind::Duration) return std::to_string(*number);
            return quoted(format_duration(setting.in_us ? *number / 1000 : *number));
          },
          [](const std::vector<std::string>* words) { return list_text(*words); },
          [](const std::vector<HostPort>* servers) {
            std::vector<std::string> texts;
            for (const HostPort& server : *servers) texts.push_back(to_text(server));
            return list_text(texts);
          },
          [](const std::uint32_t* mode) { return quoted(octal(*mode)); },
          [](const bool* truth) { return std::string(*truth ? "true" : "false"); },
          [](const auto* choice) { return quoted(to_text(*choice)); },
      },
      field_of(setting, config));
}

std::string default_text(const Setting& setting) {
  if (!setting.fallback.empty()) return std::string(setting.fallback);
  return value_text(setting, Config{});
}

std::string expected_text(const Setting& setting) {
  switch (setting.kind) {
    case Kind::Text:
      return "text without spaces";
    case Kind::Host:
      return "the name or the address of a host";
    case Kind::Account:
      return "a name, in quotes, or a number";
    case Kind::Accounts:
      return "names or numbers, separated by commas";
    case Kind::Secret:
      return "text";
    case Kind::Path:
      return "an absolute path";
    case Kind::Servers:
      return "a list of at most " + std::to_string(setting.max) +
             " hosts with ports, such as [\"a.example:26379\", \"b.example:26379\"]";
    case Kind::Socket:
      return "a path of at most " + std::to_string(kMaxSocketPath) + " bytes";
    case Kind::Whole: {
      const std::string unit(setting.unit);
      return "a whole number" + (unit.empty() ? unit : " of " + unit) + range_text(setting);
    }
    case Kind::Duration:
      return "a duration such as \"250ms\"," + range_text(setting);
    case Kind::Period:
      return "a duration such as \"250ms\"," + range_text(setting) + ", or " +
             one_of(kTexts<CalendarUnit>, "\"");
    case Kind::Switch:
      return "true or false";
    case Kind::FileMode:
      return "an octal file mode such as \"0660\"";
    case Kind::Choice:
      return one_of(setting.choices, "\"");
    case Kind::Target: {
      std::vector<std::string_view> targets(kLogTargets.begin(), kLogTargets.end());
      targets.push_back(kLogFile);
      return one_of(targets, "\"") + " and an absolute path";
    }
    case Kind::Command:
      return "an array of texts, the first of them the absolute path of a program";
    case Kind::Fraction:
      return "a number from " + fraction_text(setting.min) + " to " + fraction_text(setting.max);
    case Kind::KeyRules:
      return "a table of keys or patterns, each with a rate, \"blocked\" or \"unlimited\"";
  }
  return {};
}

}  // namespace rategate
