#include "bench/load_options.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace bench {

namespace {

constexpr const char* kUsage =
    R"(usage: load [OPTION VALUE]... TARGET...
A target is a Unix socket's path, or a port of 127.0.0.1; connections are spread over them.
  --command TEXT    words of the request, %k for a key        --keys N      how many keys
  --order random|turn                                         --clients N   connections
  --depth N         requests that a connection has under way  --seconds S
  --requests N      end after so many                         --rate N      per second: open loop
  --verdict none|one|zero  which first number allows          --pid N       whose CPU time is told
  --window MS       count what was allowed in each window     --start now|window
)";

bool take(LoadOptions& options, std::string_view name, const char* value) {
  const std::string_view text = value;
  if (name == "--command") {
    options.command = value;
  } else if (name == "--keys") {
    options.keys = std::atoi(value);
  } else if (name == "--order") {
    options.each_key_in_turn = text == "turn";
  } else if (name == "--clients") {
    options.clients = std::atoi(value);
  } else if (name == "--depth") {
    options.depth = std::atoi(value);
  } else if (name == "--seconds") {
    options.seconds = std::strtod(value, nullptr);
  } else if (name == "--requests") {
    options.requests = std::strtoull(value, nullptr, 10);
  } else if (name == "--rate") {
    options.rate = std::strtod(value, nullptr);
  } else if (name == "--verdict") {
    options.verdict = text == "one"    ? Verdict::first_is_one
                      : text == "zero" ? Verdict::first_is_zero
                                       : Verdict::none;
  } else if (name == "--pid") {
    options.pids.push_back(std::atoi(value));
  } else if (name == "--window") {
    options.window_ms = std::atoll(value);
  } else if (name == "--start") {
    options.start_with_window = text == "window";
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<LoadOptions> parse_load_options(int argc, char** argv) {
  LoadOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      options.targets.emplace_back(word);
    } else if (i + 1 == argc || !take(options, word, argv[i + 1])) {
      std::fprintf(stderr, "load: what is %s?\n%s", argv[i], kUsage);
      return std::nullopt;
    } else {
      ++i;
    }
  }
  if (options.targets.empty() || options.keys < 1 || options.clients < 1 || options.depth < 1) {
    std::fputs(kUsage, stderr);
    return std::nullopt;
  }
  return options;
}

}  // namespace bench
