#include "daemon/limit/concurrency.hpp"

namespace rategate {
namespace {

// What is held is of no window.
Placed of_no_window(const ClockReading& reading, std::int64_t period_ms) {
  static_cast<void>(reading);
  static_cast<void>(period_ms);
  return {{}, true, 0};
}

}  // namespace

const Algorithm kConcurrency = {"concurrency", false, of_no_window, nullptr, nullptr};

}  // namespace rategate
