// The only file that includes CLI11.
#include "daemon/app/options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "daemon/base/version.hpp"
#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

constexpr const char* kDescription =
    "rategated: one rate limiter for all processes of a host, exact across hosts.\n"
    "It listens on a Unix socket, speaks the Redis protocol, and counts in Redis.";

constexpr const char* kFooter =
    "The file's settings are overridden by REDIS_HOST, REDIS_PORT, REDIS_DB and REDIS_PASSWORD,\n"
    "and these by the command line. SIGHUP loads limits, log level and password again;\n"
    "SIGTERM ends.\n"
    "\n"
    "Without a file:\n"
    "  rategated --socket ./rg.sock --memory --limit api=100/second\n"
    "  rategated --socket ./rg.sock --redis redis://127.0.0.1:6379/0 --limit api=100/second\n"
    "\n"
    "Then: redis-cli -s ./rg.sock CHECK api\n";

const CLI::Option* add_file(CLI::App& app, std::string& file) {
  return app
      .add_option("--config", file,
                  "The configuration file, with limits.d/*.toml beside it\n"
                  "(default: " +
                      std::string(kDefaultConfigFile) + ", if it exists)")
      ->type_name("FILE");
}

// What is asked for in place of serving.
struct Flags {
  bool check = false;
  bool print = false;
  bool sample = false;
  bool manual = false;
};

void add_flags(CLI::App& app, Flags& flags) {
  app.add_flag("--check-config", flags.check,
               "Say what is wrong with the configuration, and where;\nexit 1 if anything is");
  app.add_flag("--print-config", flags.print,
               "Show the effective configuration, defaults included\nand passwords masked");
  // For the build, not for people.
  app.add_flag("--print-sample", flags.sample, "")->group("");
  app.add_flag("--print-settings-manual", flags.manual, "")->group("");
}

void add_overrides(CLI::App& app, Overrides& over) {
  app.add_option_function<std::string>(
         "--socket", [&](const std::string& text) { over.socket = text; },
         "The Unix socket to listen on")
      ->type_name("PATH");
  app.add_option_function<std::string>(
         "--redis", [&](const std::string& text) { over.redis = text; },
         "Count in this Redis: redis[s]://[user:password@]host[:port][/db],\n"
         "redis[s]+sentinel://[user:password@]host[:port],.../master[/db],\n"
         "redis[s]+cluster://[user:password@]host[:port],...\nor unix:///path[?db=n]")
      ->type_name("URL");
  app.add_flag("--memory", over.memory, "Count in this daemon's memory, for this host alone");
  app.add_option("--limit", over.limits,
                 "Add a limit, such as api=100/second, or change a limit's\nrate; may be repeated")
      ->type_name("NAME=RATE")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option_function<std::string>(
         "--log-level", [&](const std::string& text) { over.log_level = text; },
         "debug, info, warning or error")
      ->type_name("LEVEL");
}

Options mistake(std::string errors) {
  Options options;
  options.action = Action::Exit;
  options.exit_code = 2;
  options.errors = "rategated: " + std::move(errors);
  return options;
}

// Help and versions end the reading of a command line as mistakes do.
Options ended_by(const CLI::App& app, const CLI::ParseError& end) {
  std::ostringstream out;
  std::ostringstream err;
  if (app.exit(end, out, err) != 0) {
    Options options = mistake(err.str());
    options.output = out.str();
    return options;
  }
  Options options;
  options.action = Action::Exit;
  options.output = out.str();
  return options;
}

}  // namespace

Options parse_options(int argc, const char* const* argv) {
  Options options;
  Flags flags;
  CLI::App app(kDescription, "rategated");
  app.footer(kFooter);
  app.set_help_flag("-h,--help", "Show this and exit");
  app.set_version_flag("--version", std::string("rategated ") + kVersion,
                       "Show the version and exit");
  const CLI::Option* file = add_file(app, options.config_file);
  add_flags(app, flags);
  add_overrides(app, options.overrides);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& end) {
    return ended_by(app, end);
  }
  if (flags.check && flags.print) {
    return mistake("--check-config and --print-config exclude each other\n");
  }
  options.config_named = file->count() > 0;
  if (flags.check) options.action = Action::CheckConfig;
  if (flags.print) options.action = Action::PrintConfig;
  if (flags.sample) {
    options.action = Action::Exit;
    options.output = sample_config();
  }
  if (flags.manual) {
    options.action = Action::Exit;
    options.output = settings_manual();
  }
  return options;
}

std::string file_in_use(const Options& options) {
  return options.config_named || access(options.config_file.c_str(), F_OK) == 0
             ? options.config_file
             : std::string();
}

Sources sources_of(const Options& options) {
  // Read before there are threads, and again only by the loop's thread.
  const auto environment = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  Sources sources;
  sources.file = options.config_file;
  sources.file_required = options.config_named;
  sources.environment = environment;
  sources.credentials_directory = environment("CREDENTIALS_DIRECTORY").value_or("");
  sources.command_line = options.overrides;
  return sources;
}

}  // namespace rategate
