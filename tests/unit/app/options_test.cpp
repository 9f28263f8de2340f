#include "daemon/app/options.hpp"

#include <string>
#include <vector>

#include "daemon/config/settings/settings.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

Options parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "rategated");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

}  // namespace

TEST_CASE("without arguments the default file is read, if it is there") {
  const Options options = parse({});
  CHECK(options.action == Action::Serve);
  const Sources sources = sources_of(options);
  CHECK(sources.file == "/etc/rategate/rategate.toml");
  CHECK_FALSE(sources.file_required);
}

TEST_CASE("a file that is named must be there, even if it is the default one") {
  const Options options = parse({"--config", "/etc/rategate/rategate.toml", "--check-config"});
  CHECK(options.action == Action::CheckConfig);
  CHECK(sources_of(options).file_required);
}

TEST_CASE("what overrides the file") {
  const Options options = parse({"--socket", "./rg.sock", "--memory", "--limit", "api=100/second",
                                 "--limit=b=1/s", "--log-level", "debug", "--print-config"});
  CHECK(options.action == Action::PrintConfig);
  const Overrides over = sources_of(options).command_line;
  CHECK(over.socket == "./rg.sock");
  CHECK(over.memory);
  CHECK_FALSE(over.redis);
  CHECK(over.limits == std::vector<std::string>{"api=100/second", "b=1/s"});
  CHECK(over.log_level == "debug");
  CHECK(parse({"--redis", "unix:///a"}).overrides.redis == "unix:///a");
}

TEST_CASE("help and version") {
  const Options help = parse({"--help"});
  CHECK(help.action == Action::Exit);
  CHECK(help.exit_code == 0);
  CHECK(help.errors.empty());
  for (const char* word :
       {"--config", "--check-config", "--print-config", "--version", "--socket", "--memory",
        "--redis", "--limit", "--log-level", "REDIS_HOST", "SIGHUP", "redis-cli"}) {
    INFO(word);
    CHECK(help.output.find(word) != std::string::npos);
  }
  CHECK(help.output.find("--print-sample") == std::string::npos);

  const Options version = parse({"--version"});
  CHECK(version.action == Action::Exit);
  CHECK(version.exit_code == 0);
  CHECK(version.output.starts_with("rategated "));
  CHECK(version.output.ends_with("\n"));
}

TEST_CASE("the sample file") {
  const Options options = parse({"--print-sample"});
  CHECK(options.action == Action::Exit);
  CHECK(options.exit_code == 0);
  CHECK(options.output == sample_config());
}

TEST_CASE("mistakes exit with 2 and say what is wrong") {
  for (const auto& arguments :
       std::vector<std::vector<const char*>>{{"--bogus"},
                                             {"extra"},
                                             {"--config"},
                                             {"--limit", "a=1/s", "extra"},
                                             {"--memory=x"},
                                             {"--socket", "a", "--socket", "b"},
                                             {"--check-config", "--print-config"}}) {
    const Options options = parse(arguments);
    INFO(arguments[0]);
    CHECK(options.action == Action::Exit);
    CHECK(options.exit_code == 2);
    CHECK(options.output.empty());
    CHECK(options.errors.starts_with("rategated: "));
    CHECK(options.errors.ends_with("\n"));
  }
}
