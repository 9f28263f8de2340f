// The only file that includes CLI11.
#include "daemon/app/options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <sstream>

#include "daemon/base/version.hpp"
#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

constexpr const char* kDescription =
    "rategated: one rate limiter for all processes of a host, exact across hosts.\n"
    "It listens on a Unix socket, speaks the Redis protocol, and counts in Redis.";

constexpr const char* kFooter =
    "The file's settings are overridden by REDIS_HOST, REDIS_PORT, REDIS_DB and REDIS_PASSWORD,\n"
    "and these by the command line. SIGHUP loads limits and log level again; SIGTERM ends.\n"
    "\n"
    "Without a file:\n"
    "  rategated --socket ./rg.sock --memory --limit api=100/second\n"
    "  rategated --socket ./rg.sock --redis redis://127.0.0.1:6379/0 --limit api=100/second\n"
    "\n"
    "Then: redis-cli -s ./rg.sock CHECK api\n";

}  // namespace

Options parse_options(int argc, const char* const* argv) {
  Options options;
  bool check = false;
  bool print = false;
  bool sample = false;
  bool manual = false;

  CLI::App app(kDescription, "rategated");
  app.footer(kFooter);
  app.set_help_flag("-h,--help", "Show this and exit");
  app.set_version_flag("--version", std::string("rategated ") + kVersion,
                       "Show the version and exit");

  auto* file = app.add_option("--config", options.config_file,
                              "The configuration file, with limits.d/*.toml beside it\n"
                              "(default: " +
                                  std::string(kDefaultConfigFile) + ", if it exists)")
                   ->type_name("FILE");
  app.add_flag("--check-config", check,
               "Say what is wrong with the configuration, and where;\nexit 1 if anything is");
  app.add_flag("--print-config", print,
               "Show the effective configuration, defaults included\nand passwords masked");
  // For the build, not for people.
  app.add_flag("--print-sample", sample, "")->group("");
  app.add_flag("--print-settings-manual", manual, "")->group("");

  Overrides& over = options.overrides;
  app.add_option_function<std::string>(
         "--socket", [&](const std::string& text) { over.socket = text; },
         "The Unix socket to listen on")
      ->type_name("PATH");
  app.add_option_function<std::string>(
         "--redis", [&](const std::string& text) { over.redis = text; },
         "Count in this Redis: redis://[user:password@]host[:port][/db]\nor unix:///path[?db=n]")
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

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    app.exit(error, out, err);
    options.action = Action::Exit;
    options.exit_code = error.get_exit_code() == 0 ? 0 : 2;
    options.output = out.str();
    if (!err.str().empty()) options.errors = "rategated: " + err.str();
    return options;
  }
  if (check && print) {
    options.action = Action::Exit;
    options.exit_code = 2;
    options.errors = "rategated: --check-config and --print-config exclude each other\n";
    return options;
  }
  options.config_named = file->count() > 0;
  if (check) options.action = Action::CheckConfig;
  if (print) options.action = Action::PrintConfig;
  if (sample) {
    options.action = Action::PrintSample;
    options.output = sample_config();
  }
  if (manual) {
    options.action = Action::Exit;
    options.output = settings_manual();
  }
  return options;
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
