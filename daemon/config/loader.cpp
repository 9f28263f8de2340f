// Brings the sources of the configuration together, in the order in which later ones win.
#include <algorithm>
#include <utility>

#include "daemon/base/duration.hpp"
#include "daemon/base/nearest.hpp"
#include "daemon/config/address.hpp"
#include "daemon/config/config.hpp"
#include "daemon/config/document.hpp"
#include "daemon/config/limits.hpp"
#include "daemon/config/redis_url.hpp"
#include "daemon/config/settings/settings.hpp"
#include "daemon/os/files.hpp"

namespace rategate {
namespace {

constexpr std::size_t kMaxFile = std::size_t{4} << 20;
constexpr std::size_t kMaxPassword = 4096;
constexpr const char* kCredential = "redis-password";
constexpr const char* kNoStore =
    "no store is chosen: expected a [redis] section or store = \"memory\" in the file, "
    "REDIS_HOST in the environment, or --redis or --memory on the command line";

class Loader {
 public:
  explicit Loader(const Sources& sources) : sources_(sources) {}

  ConfigLoad load() {
    if (!sources_.file.empty()) {
      load_main_file();
      load_limit_files();
    }
    return finish_sources();
  }

  ConfigLoad load_text(std::string_view text, std::string_view path) {
    read_main(parse_document(text, path), path);
    return finish_sources();
  }

 private:
  ConfigLoad finish_sources() {
    load_environment();
    load_password_file();
    load_credential();
    load_command_line();
    check_whole();
    for (auto& [name, placed] : limits_) {
      result_.config.live.limits.push_back(std::move(placed.limit));
    }
    return std::move(result_);
  }

  Fault& fault(std::string_view where, std::string text, Place place = {}) {
    return result_.faults.emplace_back(
        Fault{std::string(where), place.line, place.column, std::move(text)});
  }

  // Faults of one file are told in the order of their places, whatever found them.
  void sort_faults(std::size_t first) {
    std::stable_sort(result_.faults.begin() + static_cast<std::ptrdiff_t>(first),
                     result_.faults.end(), [](const Fault& a, const Fault& b) {
                       return std::pair(a.line, a.column) < std::pair(b.line, b.column);
                     });
  }

  // nullopt: not there, or a fault.
  std::optional<Document> parse_file(const std::string& path, bool required) {
    const auto file = read_file(path, kMaxFile);
    if (!file) {
      fault(path, file.error());
      store_unknown_ = true;
      return std::nullopt;
    }
    if (!file->exists) {
      if (required) {
        fault(path, "there is no such file");
        store_unknown_ = true;
      }
      return std::nullopt;
    }
    return parse_document(file->text, path);
  }

  void load_main_file() {
    if (const auto document = parse_file(sources_.file, sources_.file_required)) {
      where_ = sources_.file;
      read_main(*document, sources_.file);
    }
  }

  void read_main(const Document& document, std::string_view path) {
    where_ = path;
    const std::size_t first = result_.faults.size();
    store_unknown_ = store_unknown_ || !document.faults.empty();
    result_.faults.insert(result_.faults.end(), document.faults.begin(), document.faults.end());
    for (const Entry& entry : document.root) {
      if (entry.key == "limits") {
        add_limits(entry.value, path, limits_, result_.faults);
      } else if (is_section(entry.key)) {
        read_section(entry, path);
      } else {
        read_setting("", entry, path);
      }
    }
    check_file_store(document.root, path);
    check_server(document.root, path);
    check_redis(document.root, path);
    sort_faults(first);
  }

  static bool is_section(std::string_view name) {
    return !name.empty() && std::any_of(settings().begin(), settings().end(),
                                        [&](const Setting& s) { return s.section == name; });
  }

  void read_section(const Entry& section, std::string_view path) {
    const auto* table = std::get_if<Table>(&section.value.data);
    if (table == nullptr) {
      fault(path, section.key + ": expected a table, [" + section.key + "]", section.value.place);
      return;
    }
    for (const Entry& entry : *table) read_setting(section.key, entry, path);
  }

  void read_setting(std::string_view section, const Entry& entry, std::string_view path) {
    const Setting* setting = find_setting(section, entry.key);
    if (setting == nullptr) {
      unknown(section, entry, path);
    } else if (const auto error = assign(*setting, entry.value, result_.config)) {
      fault(path, full_name(*setting) + ": " + error->text, entry.value.place);
    }
  }

  void unknown(std::string_view section, const Entry& entry, std::string_view path) {
    const bool table = std::holds_alternative<Table>(entry.value.data);
    std::string text = table && section.empty() ? "unknown section [" : "unknown setting '";
    text += entry.key;
    text += table && section.empty() ? "]" : "'";
    if (!section.empty()) text += " in [" + std::string(section) + "]";

    std::vector<std::string_view> names;
    if (section.empty()) names = {"limits"};
    for (const Setting& known : settings()) {
      if (known.section == section) {
        names.push_back(known.name);
      } else if (section.empty() && known.section != "limits.NAME") {
        names.push_back(known.section);
      }
    }
    if (const auto near = nearest(entry.key, names)) {
      text += "; did you mean '" + std::string(*near) + "'?";
    } else if (const Setting* elsewhere = find_anywhere(entry.key)) {
      text += "; there is " + full_name(*elsewhere);
    }
    fault(path, std::move(text), entry.place);
  }

  static const Setting* find_anywhere(std::string_view name) {
    for (const Setting& setting : settings()) {
      if (setting.name == name) return &setting;
    }
    return nullptr;
  }

  void check_file_store(const Table& root, std::string_view path) {
    const Entry* store = find_entry(root, "store");
    const Entry* redis = find_entry(root, "redis");
    if (store == nullptr && redis == nullptr) return;
    chosen_ = true;
    if (store != nullptr && redis != nullptr && result_.config.fixed.store == StoreKind::Memory) {
      const Fault other{std::string(path), store->place.line, store->place.column, {}};
      fault(path,
            "[redis] contradicts store = \"memory\" (" + place_text(other) +
                "): expected one of "
                "them",
            redis->place);
    }
  }

  void check_server(const Table& root, std::string_view path) {
    const ServerConfig& server = result_.config.fixed.server;
    const Entry* section = find_entry(root, "server");
    const auto* table = section == nullptr ? nullptr : std::get_if<Table>(&section->value.data);
    const Entry* entry = table == nullptr ? nullptr : find_entry(*table, "tcp");
    if (entry == nullptr || server.tcp.empty()) return;
    const auto address = parse_tcp_address(server.tcp);
    if (!address) {
      fault(path, "tcp in [server]: " + address.error(), entry->value.place);
    } else if (!address->loopback && !server.tcp_allow_remote) {
      fault(path,
            "tcp in [server]: other hosts can reach " + server.tcp +
                ": expected an address of this host alone such as \"127.0.0.1:6380\", or "
                "tcp_allow_remote = true",
            entry->value.place);
    }
  }

  // What one setting of [redis] asks of another.
  void check_redis(const Table& root, std::string_view path) {
    const Entry* section = find_entry(root, "redis");
    const auto* table = section == nullptr ? nullptr : std::get_if<Table>(&section->value.data);
    if (table == nullptr) return;
    const RedisConfig& redis = result_.config.fixed.redis;
    const auto expect = [&](const char* name, bool holds, const std::string& expected) {
      const Entry* entry = find_entry(*table, name);
      if (entry == nullptr || holds) return false;
      fault(path, std::string(name) + " in [redis]: expected " + expected, entry->value.place);
      return true;
    };
    for (const char* name : {"host", "port"}) {
      expect(name, redis.unix_socket.empty(), "it only without unix_socket");
    }
    expect("password_file", redis.password_file.empty() || redis.password.empty(),
           "it only without password");
    const bool in_order = redis.backoff_min_ms <= redis.backoff_max_ms;
    if (!expect("backoff_min", in_order,
                "at most backoff_max, which is " + format_duration(redis.backoff_max_ms))) {
      expect("backoff_max", in_order,
             "at least backoff_min, which is " + format_duration(redis.backoff_min_ms));
    }
    for (const auto& [name, place] : {std::pair("password_file", &password_file_place_),
                                      std::pair("username", &username_place_)}) {
      if (const Entry* entry = find_entry(*table, name)) {
        *place = {std::string(path), entry->value.place.line, entry->value.place.column, {}};
      }
    }
  }

  void load_limit_files() {
    const std::size_t slash = sources_.file.rfind('/');
    const std::string directory =
        (slash == std::string::npos ? std::string() : sources_.file.substr(0, slash + 1)) +
        "limits.d";
    const auto files = list_files(directory, ".toml");
    if (!files) {
      fault(directory, files.error());
      return;
    }
    for (const std::string& path : *files) {
      const auto document = parse_file(path, false);
      if (!document) continue;
      const std::size_t first = result_.faults.size();
      result_.faults.insert(result_.faults.end(), document->faults.begin(), document->faults.end());
      for (const Entry& entry : document->root) {
        if (entry.key == "limits") {
          add_limits(entry.value, path, limits_, result_.faults);
        } else {
          fault(path, "'" + entry.key + "': expected nothing but [limits] in limits.d",
                entry.place);
        }
      }
      sort_faults(first);
    }
  }

  std::optional<std::string> variable(const char* name) const {
    if (!sources_.environment) return std::nullopt;
    auto value = sources_.environment(name);
    return value && !value->empty() ? value : std::nullopt;
  }

  // Under --memory the variables of Redis are none of our business.
  void load_environment() {
    if (sources_.command_line.memory) return;
    RedisConfig& redis = result_.config.fixed.redis;
    for (const auto& [name, setting] :
         {std::pair("REDIS_HOST", "host"), std::pair("REDIS_PORT", "port"),
          std::pair("REDIS_DB", "db"), std::pair("REDIS_PASSWORD", "password")}) {
      const auto value = variable(name);
      if (!value) continue;
      if (const auto error = assign_text(*find_setting("redis", setting), *value, result_.config)) {
        fault(name, error->text);
      }
      if (name == std::string_view("REDIS_HOST")) {
        result_.config.fixed.store = StoreKind::Redis;
        chosen_ = true;
        redis.unix_socket.clear();
      }
      if (name == std::string_view("REDIS_PASSWORD")) {
        redis.password_file.clear();
        password_said_ = true;
      }
    }
  }

  void load_password_file() {
    RedisConfig& redis = result_.config.fixed.redis;
    if (redis.password_file.empty() || sources_.command_line.memory) return;
    const auto file = read_file(redis.password_file, kMaxPassword);
    Fault wrong = password_file_place_;
    wrong.text = "password_file in [redis]: " + redis.password_file + " ";
    if (!file || !file->exists) {
      wrong.text += file ? "does not exist" : file.error();
      result_.faults.push_back(std::move(wrong));
      return;
    }
    redis.password = without_line_break(file->text);
    if (redis.password.empty()) {
      wrong.text += "is empty, expected a password";
      result_.faults.push_back(std::move(wrong));
    }
  }

  void load_credential() {
    if (password_said_ || sources_.command_line.memory || sources_.credentials_directory.empty()) {
      return;
    }
    const std::string path = sources_.credentials_directory + "/" + kCredential;
    const auto file = read_file(path, kMaxPassword);
    if (!file) {
      fault(path, file.error());
    } else if (file->exists) {
      result_.config.fixed.redis.password = without_line_break(file->text);
      result_.config.fixed.redis.password_file.clear();
    }
  }

  static std::string without_line_break(std::string_view text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    return std::string(text);
  }

  void load_command_line() {
    const Overrides& given = sources_.command_line;
    FixedConfig& fixed = result_.config.fixed;
    if (given.memory && given.redis) {
      fault("--memory", "contradicts --redis: expected one of them");
    }
    if (given.memory) {
      fixed.store = StoreKind::Memory;
      chosen_ = true;
    }
    if (given.redis) apply_redis_url(*given.redis);
    if (given.socket) apply("--socket", "server", "socket", *given.socket);
    if (given.log_level) apply("--log-level", "log", "level", *given.log_level);
    for (const std::string& limit : given.limits) {
      if (const auto error = add_limit_option(limit, limits_)) {
        fault("--limit " + limit, error->text);
      }
    }
  }

  void apply(const char* option, std::string_view section, std::string_view name,
             const std::string& text) {
    if (const auto error = assign_text(*find_setting(section, name), text, result_.config)) {
      fault(option, error->text);
    }
  }

  // The URL says all of where; who and with which password only if it names them, so that a
  // password need not stand where every process can read it.
  void apply_redis_url(const std::string& text) {
    chosen_ = true;
    const auto url = parse_redis_url(text);
    if (!url) {
      fault("--redis", url.error());
      return;
    }
    FixedConfig& fixed = result_.config.fixed;
    fixed.store = StoreKind::Redis;
    if (url->unix_socket.empty()) fixed.redis.host = url->host;
    fixed.redis.port = url->port;
    fixed.redis.unix_socket = url->unix_socket;
    fixed.redis.db = url->db;
    if (const auto& username = url->username) fixed.redis.username = *username;
    if (const auto& password = url->password) {
      fixed.redis.password = *password;
      fixed.redis.password_file.clear();
    }
  }

  void check_whole() {
    if (!chosen_ && !store_unknown_) fault(where_, kNoStore);
    const RedisConfig& redis = result_.config.fixed.redis;
    if (!redis.username.empty() && redis.password.empty() && redis.password_file.empty()) {
      Fault alone = username_place_;
      alone.text = "username in [redis]: expected a password with it";
      result_.faults.push_back(std::move(alone));
    }
    check_shared_counters(limits_, result_.faults);
  }

  const Sources& sources_;
  ConfigLoad result_;
  PlacedLimits limits_;
  std::string where_ = "configuration";  // what faults of the whole are put down to
  Fault password_file_place_;
  Fault username_place_{"--redis", 0, 0, {}};
  bool chosen_ = false;         // the store
  bool store_unknown_ = false;  // what might choose it could not be read
  bool password_said_ = false;  // by the environment, which beats the credential
};

}  // namespace

std::string place_text(const Fault& fault) {
  std::string text = fault.where;
  if (fault.line > 0) {
    text += ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column);
  }
  return text;
}

std::string to_text(const Fault& fault) {
  // Names and the TOML library's own words may hold line breaks and escape sequences of the file.
  static constexpr char kHex[] = "0123456789abcdef";
  std::string line;
  for (const char c : place_text(fault) + ": " + fault.text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte != 0x7f) {
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else {
      line += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xfU]};
    }
  }
  return line;
}

ConfigLoad load_config(const Sources& sources) { return Loader(sources).load(); }

ConfigLoad load_config_text(std::string_view text, std::string_view path) {
  const Sources none;
  return Loader(none).load_text(text, path);
}

}  // namespace rategate
