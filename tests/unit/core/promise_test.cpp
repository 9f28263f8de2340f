// The promise on seeded schedules: several hosts with clocks of their own before one store, delays,
// lost connections, stalls, recipe callers beside them. Allowed in each window of the store's clock
// is never above the limit, and every check is answered.
#include <map>
#include <memory>
#include <queue>
#include <random>

#include "daemon/core/gate.hpp"
#include "daemon/core/memory_counters.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

struct Event {
  std::int64_t at;
  std::uint64_t order;
  std::function<void()> run;
  bool operator>(const Event& other) const {
    return at != other.at ? at > other.at : order > other.order;
  }
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  void later(std::int64_t delay, std::function<void()> run) {
    events_.push({now_ + delay, ++order_, std::move(run)});
  }
  void run_until(std::int64_t end) {
    while (!events_.empty() && events_.top().at <= end) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      event.run();
    }
  }
  std::int64_t pick(std::int64_t below) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(below));
  }
  StoreTime store_time() const { return {now_}; }
  std::int64_t now() const { return now_; }

 private:
  std::mt19937_64 random_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
  std::int64_t now_ = 1'700'000'000'000'000;
};

struct Tally {
  std::map<std::int64_t, std::int64_t> allowed;  // by the true window of the decision's moment
  std::int64_t asked = 0;
  std::int64_t answered = 0;
};

class Host {
 public:
  Host(World& world, MemoryCounters& store, LimitUsePtr use, Tally& tally)
      : world_(world), store_(store), use_(std::move(use)), tally_(tally) {
    origin_ = world.pick(1'000'000'000'000);
    start_ = world.now();
    rate_ = 1.0 + static_cast<double>(world.pick(1800) - 900) / 1e6;
    connect();
  }

  void check(std::int64_t cost) {
    ++tally_.asked;
    const auto id = static_cast<std::uint64_t>(cost);
    const CheckResult result = gate_.check(use_, "k", cost, id, mono());
    if (!result.waits) count(id, result.decision);
    turn();
  }

 private:
  Mono mono() const {
    return {origin_ +
            static_cast<std::int64_t>(static_cast<double>(world_.now() - start_) * rate_)};
  }

  void count(std::uint64_t cost, const Decision& decision) {
    ++tally_.answered;
    if (!decision.allowed) return;
    const std::int64_t period = use_->limit->period_ms * 1000;
    tally_.allowed[world_.now() / period] += static_cast<std::int64_t>(cost);
  }

  void turn() {
    gate_.turn(mono());
    auto requests = std::exchange(gate_.reservations(), {});
    for (const Reservation& request : requests)
      send([this, request](Mono sent, std::uint64_t line) {
        const ReserveAnswer answer = store_.reserve(request, world_.store_time());
        back(line, [this, request, answer, sent] {
          gate_.measured(sent, mono(), answer.time);
          gate_.answered(request.id, answer, mono());
          turn();
        });
      });
    if (gate_.take_measure_wanted())
      send([this](Mono sent, std::uint64_t line) { time(sent, line); });
    for (const Answer& answer : std::exchange(gate_.answers(), {})) {
      count(answer.ticket, answer.decision);
    }
    const Mono next = gate_.next_turn();
    if (next != kNever && next < wake_) {
      wake_ = next;
      const auto delay =
          static_cast<std::int64_t>(static_cast<double>(next.us - mono().us) / rate_);
      world_.later(std::max<std::int64_t>(1, delay + 1), [this] {
        wake_ = kNever;
        turn();
      });
    }
  }

  // There and back, with the connection lost on the way now and then, before or after the store.
  std::int64_t delay() {
    return world_.pick(30) == 0 ? world_.pick(400'000) : 20 + world_.pick(3000);
  }
  void send(std::function<void(Mono, std::uint64_t)> arrived) {
    const Mono sent = mono();
    const std::uint64_t line = line_;
    if (world_.pick(200) == 0) lose();
    world_.later(delay(), [arrived = std::move(arrived), sent, line] { arrived(sent, line); });
  }
  void back(std::uint64_t line, std::function<void()> arrived) {
    if (world_.pick(200) == 0) lose();
    world_.later(delay(), [this, line, arrived = std::move(arrived)] {
      if (line == line_) arrived();
    });
  }
  void time(Mono sent, std::uint64_t line) {
    const StoreTime at = world_.store_time();
    back(line, [this, sent, at] {
      gate_.measured(sent, mono(), at);
      turn();
    });
  }
  void lose() {
    ++line_;
    if (world_.pick(2) == 0) {
      gate_.store_connecting();
    } else {
      gate_.store_away(mono());
    }
    world_.later(world_.pick(50'000), [this] { connect(); });
  }
  void connect() {
    const std::uint64_t line = ++line_;
    const Mono sent = mono();
    world_.later(delay(), [this, sent, line] {
      const StoreTime at = world_.store_time();
      world_.later(delay(), [this, sent, line, at] {
        if (line != line_) return;
        gate_.measured(sent, mono(), at);
        gate_.store_up();
        turn();
      });
    });
  }

  World& world_;
  MemoryCounters& store_;
  Gate gate_{Gate::Options{}};
  LimitUsePtr use_;
  Tally& tally_;
  std::int64_t origin_;
  std::int64_t start_;
  double rate_;
  std::uint64_t line_ = 0;
  Mono wake_ = kNever;
};

}  // namespace

TEST_CASE("never more than the limit in a window of the store's clock, and no check unanswered") {
  constexpr std::int64_t kPeriods[] = {50, 100, 250, 1000, 10'000};
  std::int64_t allowed_in_all = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    INFO("seed " << seed);
    World world(seed);
    MemoryCounters store;
    Tally tally;
    const std::int64_t period = kPeriods[world.pick(5)];
    const std::int64_t permits = 1 + world.pick(world.pick(2) == 0 ? 5 : 200);
    const auto use = std::make_shared<LimitUse>(
        std::make_shared<const Limit>(declared_limit("api", {permits, period}, true)));
    std::vector<std::unique_ptr<Host>> hosts;
    for (auto n = 1 + world.pick(5); n > 0; --n) {
      hosts.push_back(std::make_unique<Host>(world, store, use, tally));
    }
    for (auto& host : hosts) {
      for (int i = 0; i < 300; ++i) {
        world.later(world.pick(3'000'000), [&host, &world, permits] {
          host->check(1 +
                      (world.pick(5) == 0 ? world.pick(std::min<std::int64_t>(5, permits)) : 0));
        });
      }
    }
    world.run_until(world.now() + 5'000'000);
    REQUIRE(tally.answered == tally.asked);
    for (const auto& [window, count] : tally.allowed) {
      REQUIRE(count <= permits);
      allowed_in_all += count;
    }
  }
  CHECK(allowed_in_all > 50'000);  // the schedules do let checks through
}
