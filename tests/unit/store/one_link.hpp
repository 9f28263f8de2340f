// One link with its driver, over a transport in the test's hands.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/store/driver.hpp"
#include "tests/unit/store/fake_transport.hpp"

namespace rategate {

inline constexpr std::int64_t kStart = 1'700'000'000'000'000;

inline LimitUsePtr exact_limit(const std::string& name, std::int64_t permits) {
  Limit limit = declared_limit(name, {permits, 1000}, true);
  limit.mode = Mode::Exact;
  return std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
}

struct OneLink {
  Told told;
  Driver driver;
  FakeTransport transport{kStart};
  Link& link;
  std::uint64_t tickets = 0;

  explicit OneLink(const Link::Options& options = {}, const Gate::Options& gate = {})
      : driver(gate, nullptr, told), link(driver.add(options, transport)) {
    driver.start(transport.now);
  }
  // It is made, and what is said first is written.
  void connect() {
    link.connected(transport.now);
    driver.pump(transport.now);
  }
  void greet() {
    connect();
    transport.answer_all(link);
  }
  void pass(std::int64_t us) {
    transport.now = after(transport.now, us);
    driver.pump(transport.now);
  }
  CheckResult check(const LimitUsePtr& use, std::string_view key, std::uint32_t flow = 1) {
    return driver.gate().check({use, key, 1, ++tickets, flow}, transport.now);
  }
  // Calls of that kind that wait to be answered.
  std::ptrdiff_t calls(Call::Kind kind) const {
    return std::count_if(transport.calls.begin(), transport.calls.end(),
                         [&](const Call& call) { return call.kind == kind; });
  }
  std::ptrdiff_t reservations() const { return calls(Call::Kind::Reserve); }
  std::vector<Answer> answers() { return std::exchange(driver.gate().answers(), {}); }
};

}  // namespace rategate
