// The one table of settings. The loader, the sample file, the manual page, --print-config and the
// test of docs/configuration.md all read it, so that a setting is described once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/config/config.hpp"

namespace rategate {

inline constexpr std::string_view kLimitSection = "limits.NAME";  // what each limit has

struct Value;

enum class Kind : std::uint8_t {
  Text,      // any text without control characters
  Host,      // the name or the address of a host, and nothing more
  Account,   // the name or the number of a user or a group
  Accounts,  // several of those, separated by commas
  Secret,    // text that is never printed
  Path,      // a file's path
  Servers,   // a list of hosts with ports, at most `max`
  Socket,    // the path of a Unix socket, at most 107 bytes
  Whole,     // a whole number from min to max
  Duration,  // text with a unit, from min to max ms; the field is in ms or, in `in_us`, µs
  Period,    // a duration, or the name of a calendar's period
  Switch,    // true or false
  FileMode,  // text of three or four octal digits
  Choice,    // one of the words in `choices`
  Target,    // a log's target
  Command,   // a program, by its absolute path, and its arguments
  Fraction,  // a number of which `min` and `max` are in millionths
  KeyRules,  // a table of keys and patterns, and what is for them
};

// Where a setting's value lives in a Config.
using FieldPointer =
    std::variant<std::string*, std::vector<std::string>*, std::vector<HostPort>*, std::int64_t*,
                 std::uint32_t*, bool*, StoreKind*, LogLevel*, LogFormat*>;

struct Setting {
  std::string_view section;  // "" at the top; kLimitSection
  std::string_view name;
  Kind kind;
  FieldPointer (*field)(Config&);  // nullptr for what each limit has
  std::string_view fallback;       // in words, where there is no field or none is chosen
  std::int64_t min;                // Whole: in `unit`; Duration: in ms; Servers: of them
  std::int64_t max;
  std::string_view unit;                      // of a Whole: "bytes", "ppm", or ""
  std::span<const std::string_view> choices;  // of a Choice
  bool in_us;
  bool may_be_empty;
  bool reloadable;
  std::string_view help;
};

std::span<const Setting> settings();
const Setting* find_setting(std::string_view section, std::string_view name);
std::string full_name(const Setting&);  // "port in [redis]", "store"

// Puts a value into the configuration, and takes nothing but the whole of it: on an error, which
// says what was expected, nothing has changed. From text it is read as a person types it in a
// variable or an option: numbers and switches without quotes.
std::optional<Error> assign(const Setting&, const Value&, Config&);
std::optional<Error> assign_text(const Setting&, std::string_view text, Config&);

// A setting's field, to be read: it is found in any configuration alike.
inline FieldPointer field_of(const Setting& setting, const Config& config) {
  return setting.field(const_cast<Config&>(config));
}
template <class T>
const T& value_of(const Setting& setting, const Config& config) {
  return *std::get<T*>(field_of(setting, config));
}

bool has_value(const Setting&, const Config&);  // all but a text or an array that is empty
bool same_value(const Setting&, const Config& a, const Config& b);

std::string quoted(std::string_view text);              // as a TOML string
std::string key_text(std::string_view key);             // as a TOML key, quoted if need be
std::string fraction_text(std::int64_t ppm);            // "0.8"; up to 1
std::string value_text(const Setting&, const Config&);  // as TOML; a secret is masked
std::string default_text(const Setting&);               // as TOML, or in words: "none"
std::string expected_text(const Setting&);              // "a whole number from 1 to 65535"

// The sample file, every setting in it commented out with its default.
std::string sample_config();

// All settings in mdoc, for the manual page rategate.toml(5).
std::string settings_manual();

}  // namespace rategate
