// What the load generator is told on its command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/reply_counter.hpp"

namespace bench {

struct LoadOptions {
  std::vector<std::string> targets;  // paths of Unix sockets, or ports of 127.0.0.1
  std::string command = "PING";      // words; %k stands for a key
  int keys = 1;
  bool each_key_in_turn = false;  // shuffled once, then in turn; else drawn at random
  int clients = 50;
  int depth = 1;
  double seconds = 1;
  std::uint64_t requests = 0;  // 0: as many as the seconds allow
  double rate = 0;             // requests a second on a fixed schedule; 0: as fast as answers come
  Verdict verdict = Verdict::none;
  std::vector<int> pids;       // whose CPU time is told
  std::int64_t window_ms = 0;  // count what was allowed in each; 0: do not
  bool start_with_window = false;
};

// Prints what is wrong, and how to call it, to stderr.
std::optional<LoadOptions> parse_load_options(int argc, char** argv);

}  // namespace bench
