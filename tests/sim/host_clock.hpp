// The clocks of one host: that of its daemons, from an origin of its own, faster or slower than the
// store's by a constant; and that of its processes, which stands still while the host is suspended.
#pragma once

#include <cstdint>

#include "daemon/base/time.hpp"

namespace rategate::sim {

class HostClock {
 public:
  HostClock(std::int64_t origin_us, std::int64_t true_us, std::int64_t ppm)
      : origin_us_(origin_us), true_us_(true_us), ppm_(ppm) {}

  Mono read(std::int64_t true_us) const { return Mono{ns(true_us) / 1000}; }
  std::int64_t ns(std::int64_t true_us) const {
    const std::int64_t since = true_us - true_us_;
    return origin_us_ * 1000 + since * 1000 + since * ppm_ / 1000;
  }
  // As its processes read it.
  std::int64_t clients_ns(std::int64_t true_us) const { return ns(true_us) - clients_behind_ns(); }
  std::int64_t clients_behind_ns() const { return suspended_us_ * 1000; }
  void suspended_for(std::int64_t us) { suspended_us_ += us; }
  // The first true time at which it reads so much.
  std::int64_t when(Mono mono) const {
    const std::int64_t since = mono.us - origin_us_;
    // Months in us times a million fit into 64 bits only so far: whole seconds first.
    const std::int64_t rate = 1'000'000 + ppm_;
    std::int64_t at = true_us_ + since / rate * 1'000'000 + since % rate * 1'000'000 / rate;
    while (read(at) < mono) ++at;
    return at;
  }

 private:
  std::int64_t origin_us_;
  std::int64_t true_us_;
  std::int64_t ppm_;
  std::int64_t suspended_us_ = 0;
};

}  // namespace rategate::sim
