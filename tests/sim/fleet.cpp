#include "tests/sim/fleet.hpp"

#include <algorithm>
#include <cmath>

#include "tests/sim/world.hpp"

namespace rategate::sim {

std::int64_t Fleet::Seen::wait_us(double part) {
  const auto without = static_cast<std::size_t>(checks) - waits_us.size();
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(checks)));
  if (rank <= without) return 0;
  const auto place = waits_us.begin() + static_cast<std::ptrdiff_t>(rank - without - 1);
  std::nth_element(waits_us.begin(), place, waits_us.end());
  return *place;
}

// ---- Who asks -------------------------------------------------------------------------------

bool Fleet::plan() {
  const Scenario& scenario = world_.scenario();
  from_us_ = scenario.start_us + scenario.warm_us;
  seen_.allowed_of_host.resize(static_cast<std::size_t>(scenario.hosts));
  world_.events().at(from_us_, [this] { seen_.busy_us -= world_.store().busy_us(); });
  world_.events().at(world_.end_us(), [this] { seen_.busy_us += world_.store().busy_us(); });
  for (int host = 0; host < scenario.hosts; ++host) next_check(host);
  return true;
}

void Fleet::next_check(int host) {
  const std::int64_t gap_us = world_.scenario().gap_us;
  const std::int64_t at = world_.events().now() + 1 + world_.random().below(2 * gap_us - 1);
  if (at >= world_.end_us()) return;
  world_.events().at(at, [this, host] {
    check(host);
    next_check(host);
  });
}

// The inverse of the distribution function, which for this law is ln n / ln N.
std::int64_t Fleet::drawn_key() {
  const std::int64_t keys = world_.scenario().keys;
  if (keys == 1) return 0;
  const double part = static_cast<double>(world_.random().below(1 << 30)) / (1 << 30);
  const double n = std::exp(part * std::log(static_cast<double>(keys)));
  return std::min(keys, static_cast<std::int64_t>(n)) - 1;
}

void Fleet::check(int host) {
  const std::int64_t now = world_.events().now();
  const std::int64_t key = drawn_key();
  ++asked_[place(now, key)];  // until the daemon tells that it was decided later
  if (is_measured(now)) {
    ++seen_.checks;
    ++seen_.in_place;  // likewise
  }
  world_.count_check();
  world_.process(host).check(0, static_cast<int>(key), 1);
}

std::int64_t Fleet::place(std::int64_t us, std::int64_t key) const {
  return window(us) * world_.scenario().keys + key;
}

std::int64_t Fleet::window(std::int64_t us) const {
  return us / (world_.scenario().limits.front().period_ms * 1000);
}

// ---- What is seen ---------------------------------------------------------------------------

void Fleet::written(Daemon&, const Call& call) {
  if (call.kind != Call::Kind::Reserve || !is_measured(world_.events().now())) return;
  ++seen_.calls;
  seen_.counters += static_cast<std::int64_t>(call.reservations.size());
}

void Fleet::told(Daemon&, const Ask& ask, Verdict, const Decision& decision) {
  const std::int64_t now = world_.events().now();
  --asked_[place(ask.asked_us, ask.key)];
  ++asked_[place(now, ask.key)];
  if (!is_measured(ask.asked_us)) return;
  const std::int64_t waited_us = now - ask.asked_us;
  if (waited_us > 0) {
    --seen_.in_place;
    seen_.waits_us.push_back(waited_us);
  }
  if (decision.reason == Reason::StoreAway) ++seen_.unanswered;
}

// Of whole windows only.
void Fleet::finish() {
  const Scenario& scenario = world_.scenario();
  for (const auto& [place, asked] : asked_) {
    const std::int64_t of = place / scenario.keys;
    if (of < window(from_us_) || of >= window(world_.end_us())) continue;
    seen_.allowable += std::min(asked, scenario.limits.front().permits);
  }
  world_.checker().each([this](const Checker::Account& account) {
    const std::int64_t start_us = account.window.start_ms * 1000;
    if (start_us < from_us_ || start_us >= world_.end_us()) return;
    for (const auto& share : account.shares) {
      seen_.allowed += share.spent;
      seen_.allowed_of_host[static_cast<std::size_t>(share.daemon)] += share.spent;
    }
  });
}

}  // namespace rategate::sim
