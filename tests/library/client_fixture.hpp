// A client of the C library that closes itself, for the tests.
#pragma once

#include <rategate/rategate.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/library/fake_daemon.hpp"

namespace fake {

class OpenClient {
 public:
  // Asks over the socket only, unless the flags are 0.
  explicit OpenClient(const std::string& path, std::uint32_t timeout_ms = 20'000,
                      std::uint32_t max_idle = 0, std::uint32_t flags = RATEGATE_NO_SHM) {
    rategate_options options{};
    options.size = sizeof options;
    options.socket_path = path.c_str();
    options.timeout_ms = timeout_ms;
    options.max_idle = max_idle;
    options.flags = flags;
    if (rategate_open(&client_, &options) != 0) throw std::runtime_error("rategate_open");
  }
  ~OpenClient() { rategate_close(client_); }
  OpenClient(const OpenClient&) = delete;
  OpenClient& operator=(const OpenClient&) = delete;

  rategate_limit* limit(const char* name = "api", std::int64_t permits = 0,
                        std::int64_t period_ms = 0) const {
    rategate_limit* resolved = nullptr;
    if (rategate_resolve(client_, name, permits, period_ms, &resolved) != 0) {
      throw std::runtime_error("rategate_resolve");
    }
    return resolved;
  }
  rategate_client* get() const { return client_; }

 private:
  rategate_client* client_ = nullptr;
};

// What a call gave.
struct Outcome {
  int rc = 0;
  rategate_decision decision{};
  std::string text;
};

inline Outcome check(rategate_limit* limit, std::string_view key = {}, std::int64_t cost = 1) {
  Outcome outcome;
  rategate_error error{};
  outcome.rc = rategate_check(limit, key.data(), key.size(), cost, &outcome.decision, &error);
  outcome.text = error.text;
  return outcome;
}

inline Outcome acquire(rategate_limit* limit, std::int64_t timeout_ms, std::int64_t cost = 1,
                       std::string_view key = {}) {
  Outcome outcome;
  rategate_error error{};
  outcome.rc =
      rategate_acquire(limit, key.data(), key.size(), cost, timeout_ms, &outcome.decision, &error);
  outcome.text = error.text;
  return outcome;
}

inline milliseconds since(steady_clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

}  // namespace fake
