// A caller of the stress test, in C++, with two threads on one client:
//   stress_caller_cpp SOCKET RECORDS SEED shm|socket LIMIT...
// Asks until SIGTERM, then exits with 0. 3: a decision that cannot be; 4: the file is full.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <rategate/rategate.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/stress/load.h"
#include "tests/stress/record.h"

namespace {

std::atomic<bool> ended{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes it");

struct Asked {
  stress_limit what;
  rategate::Limit limit;
};

class Caller {
 public:
  Caller(const stress_log& log, const std::vector<Asked>& limits, std::uint64_t seed)
      : log_(log), limits_(limits), random_(seed * 2 + 1) {}

  // Until the end.
  void run() {
    while (!ended) {
      const std::uint32_t which = stress_below(&random_, static_cast<long>(limits_.size()));
      const long keys = limits_[which].what.keys;
      const std::uint32_t key = keys > 0 ? stress_below(&random_, keys) : 0;
      std::uint32_t burst = 1 + stress_below(&random_, STRESS_MAX_BURST);
      while (burst-- > 0 && !ended && ask(which, key)) {
      }
      stress_pause(&random_);
    }
  }

 private:
  // Whether the burst goes on.
  bool ask(std::uint32_t which, std::uint32_t key) {
    char text[64];
    const std::size_t size = limits_[which].what.keys > 0 ? stress_key(key, text) : 0;
    stress_record record{};
    record.limit = static_cast<std::uint16_t>(which);
    record.key = static_cast<std::uint16_t>(key);
    record.cost = stress_cost(&random_);
    record.before_ns = stress_now();
    rategate::Decision decision;
    bool answered = true;
    try {
      decision = limits_[which].limit.check({text, size}, record.cost);
    } catch (const rategate::NoDecision&) {
      answered = false;
    }
    record.after_ns = stress_now();
    stress_note_call(&log_, record.after_ns - record.before_ns);
    if (!answered || !decision.allowed) {
      stress_count(answered ? &log_.header->denied : &log_.header->failed);
      return false;
    }
    // All of the limits deny when the store is away.
    if (decision.reason != rategate::Reason::Counted) std::_Exit(3);
    record.decided_ns = decision.decided_ns;
    record.window_end_ms = decision.window_end_ms;
    if (!stress_write(&log_, &record)) std::_Exit(4);
    stress_count(&log_.header->allowed);
    return true;
  }

  const stress_log& log_;
  const std::vector<Asked>& limits_;
  std::uint64_t random_;
};

std::vector<Asked> resolve(const rategate::Client& client, char** texts, int count) {
  std::vector<Asked> limits;
  for (int i = 0; i < count; ++i) {
    stress_limit what{};
    if (!stress_parse_limit(texts[i], &what)) throw std::invalid_argument(texts[i]);
    limits.push_back({what, what.permits > 0 ? client.limit(what.name, what.permits,
                                                            rategate::milliseconds(what.period_ms))
                                             : client.limit(what.name)});
  }
  return limits;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 64;
  stress_log log{};
  if (!stress_open(&log, argv[2])) {
    std::perror(argv[2]);
    return 1;
  }
  try {
    rategate::Options options;
    options.socket_path = argv[1];
    options.timeout = rategate::milliseconds(1000);
    options.shared_memory = std::string(argv[4]) != "socket";
    const rategate::Client client(options);
    const std::vector<Asked> limits = resolve(client, argv + 5, argc - 5);
    std::signal(SIGTERM, [](int) { ended = true; });
    const std::uint64_t seed = std::strtoull(argv[3], nullptr, 10);
    Caller first(log, limits, seed);
    Caller second(log, limits, seed + 1'000'003);
    std::thread other([&second] { second.run(); });
    first.run();
    other.join();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 64;
  }
  return 0;
}
