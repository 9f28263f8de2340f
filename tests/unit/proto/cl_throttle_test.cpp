// CL.THROTTLE, from the numbers of a call to the bytes of its answer, by a clock of the test's own.
#include <random>
#include <string>

#include "daemon/limit/limit_table.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "tests/unit/core/gate_bench.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

struct Call {
  std::string key;
  std::int64_t max_burst, count, period_s;
  std::int64_t quantity = 1;
};
struct Answered {
  std::int64_t limited, limit, remaining, retry_after_s, reset_after_s;
  bool operator==(const Answered&) const = default;
};
std::string text_of(const Answered& answer) {
  std::string text = "*5\r\n";
  for (const std::int64_t number : {answer.limited, answer.limit, answer.remaining,
                                    answer.retry_after_s, answer.reset_after_s}) {
    text += ":" + std::to_string(number) + "\r\n";
  }
  return text;
}

struct Cells {
  Bench bench;
  LimitTable table{100};

  // What is told at once, or when the store has answered in that moment.
  std::string ask(const Call& call) {
    const LimitUsePtr use = table.cell({call.count, call.period_s * 1000}, call.max_burst + 1);
    const CheckResult result = bench.check(use, call.key, call.quantity);
    std::string out;
    if (!result.waits) {
      REQUIRE(result.verdict == Verdict::Decided);
      write_cell(out, result.decision);
      return out;
    }
    bench.serve();
    const auto answers = bench.answers();
    REQUIRE(answers.size() == 1);
    write_cell(out, answers.front().decision);
    return out;
  }
};

// redis-cell 0.5.0, but that its keys do not expire before their buckets are full
// (github.com/brandur/redis-cell at 4d42338, src/cell/mod.rs).
class RedisCell {
 public:
  Answered ask(const Call& call, std::int64_t now_ns) {
    const std::int64_t limit = call.max_burst + 1;
    const std::int64_t interval = call.period_s * 1'000'000'000 / call.count;
    const std::int64_t tat = std::max(now_ns, tat_);
    const std::int64_t next = tat + interval * call.quantity;
    const std::int64_t early = next - interval * limit - now_ns;
    const bool limited = early > 0;
    if (!limited) tat_ = next;
    const std::int64_t ttl = (limited ? tat : next) - now_ns;
    const std::int64_t room_us = (interval * limit - ttl) / 1000;
    const bool never = call.quantity > limit;
    return {limited ? 1 : 0, limit, room_us / (interval / 1000),
            limited && !never ? seconds(early) : -1, seconds(ttl)};
  }

 private:
  static std::int64_t seconds(std::int64_t ns) { return (ns / 1'000'000 + 999) / 1000; }
  std::int64_t tat_ = 0;
};

}  // namespace

TEST_CASE("CL.THROTTLE answers as redis-cell does") {
  struct Row {
    double at_ms;
    Call call;
    Answered answer;
  };
  // docs/protocol.md has what the numbers are. The rows of a key come in their order.
  const Row rows[] = {
      {0, {"a", 15, 30, 60}, {0, 16, 15, -1, 2}},
      {0, {"a", 15, 30, 60}, {0, 16, 14, -1, 4}},
      {0, {"a", 15, 30, 60, 0}, {0, 16, 14, -1, 4}},
      {0, {"a", 15, 30, 60, 3}, {0, 16, 11, -1, 10}},
      {0, {"a", 15, 30, 60, 12}, {1, 16, 11, 2, 10}},
      {0, {"a", 15, 30, 60, 17}, {1, 16, 11, -1, 10}},
      {0, {"a", 15, 30, 60, 11}, {0, 16, 0, -1, 32}},
      {0, {"a", 15, 30, 60, 1}, {1, 16, 0, 2, 32}},
      {0, {"a", 15, 30, 60, 0}, {0, 16, 0, -1, 32}},
      {0, {"b", 0, 1, 2}, {0, 1, 0, -1, 2}},
      {0, {"b", 0, 1, 2}, {1, 1, 0, 2, 2}},
      {0, {"c", 4, 5, 1, 0}, {0, 5, 5, -1, 0}},
      {0, {"c", 4, 5, 1, 6}, {1, 5, 5, -1, 0}},
      {0, {"c", 4, 5, 1, 1}, {0, 5, 4, -1, 1}},
      {0, {"c", 4, 5, 1, 3}, {0, 5, 1, -1, 1}},
      {0, {"c", 4, 5, 1, 2}, {1, 5, 1, 1, 1}},
      {0, {"d", 6, 7, 60, 1}, {0, 7, 6, -1, 9}},
      {0, {"d", 6, 7, 60, 6}, {0, 7, 0, -1, 60}},
      {0, {"d", 6, 7, 60, 1}, {1, 7, 0, 9, 60}},
      {0, {"e", 0, 1, 86400, 1}, {0, 1, 0, -1, 86400}},
      {0, {"f", 999, 1000, 1, 1000}, {0, 1000, 0, -1, 1}},
      {1, {"f", 999, 1000, 1, 1}, {0, 1000, 0, -1, 1}},
      {1.6, {"f", 999, 1000, 1, 1}, {1, 1000, 0, 0, 1}},
      {500, {"e", 0, 1, 86400, 1}, {1, 1, 0, 86400, 86400}},
      {1000, {"b", 0, 1, 2}, {1, 1, 0, 1, 1}},
      {1999, {"a", 15, 30, 60, 1}, {1, 16, 0, 1, 31}},
      {2000, {"a", 15, 30, 60, 1}, {0, 16, 0, -1, 32}},
      {2000, {"b", 0, 1, 2}, {0, 1, 0, -1, 2}},
      {3000, {"a", 15, 30, 60, 1}, {1, 16, 0, 1, 31}},
      {4000, {"a", 1, 1, 1, 1}, {1, 2, 0, 29, 30}},
      {3'600'000, {"a", 15, 30, 60, 1}, {0, 16, 15, -1, 2}},
  };
  Cells cells;
  const std::int64_t start_us = cells.bench.now.us;
  int number = 0;
  for (const Row& row : rows) {
    INFO(++number << ": " << row.call.key << " at " << row.at_ms << " ms");
    cells.bench.now.us = start_us + static_cast<std::int64_t>(row.at_ms * 1000);
    cells.bench.measure();
    CHECK(cells.ask(row.call) == text_of(row.answer));
  }
}

TEST_CASE("no answer differs from redis-cell's where a permit is of whole microseconds") {
  std::mt19937 random(17);
  const auto below = [&](std::int64_t most) { return static_cast<std::int64_t>(random()) % most; };
  std::int64_t calls = 0;
  while (calls < 50'000) {
    Cells cells;
    RedisCell model;
    static constexpr std::int64_t kCounts[] = {1,  2,   5,    8,      10,       25,
                                               40, 100, 1000, 20'000, 1'000'000};
    Call call{"k", below(20), kCounts[below(std::size(kCounts))],
              1 + below(below(2) == 0 ? 3 : 90)};
    if (below(4) == 0) call.max_burst = below(2000);
    const std::int64_t permit_us = call.period_s * 1'000'000 / call.count;
    for (int i = 0; i < 100; ++i, ++calls) {
      cells.bench.now.us += below(3) == 0 ? 0 : below(2 * permit_us);
      cells.bench.measure();
      call.quantity = below(4) == 0 ? below(call.max_burst + 3) : 1;
      const Answered wanted = model.ask(call, cells.bench.store_time().us * 1000);
      INFO("burst " << call.max_burst << ", " << call.count << " each " << call.period_s
                    << " s, quantity " << call.quantity);
      REQUIRE(cells.ask(call) == text_of(wanted));
    }
  }
}

TEST_CASE("a pipeline of CL.THROTTLE is one reservation, and each is told what it leaves") {
  Cells cells;
  const LimitUsePtr use = cells.table.cell({30, 60'000}, 16);
  for (int i = 0; i < 20; ++i) REQUIRE(cells.bench.check(use, "k").waits);
  CHECK(cells.table.cell({30, 60'000}, 16) == use);
  cells.bench.serve();
  const auto answers = cells.bench.answers();
  REQUIRE(answers.size() == 20);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    std::string out;
    write_cell(out, answers[i].decision);
    const auto at = static_cast<std::int64_t>(i);
    CHECK(out == text_of(at < 16 ? Answered{0, 16, 15 - at, -1, 2 * (at + 1)}
                                 : Answered{1, 16, 0, 2, 32}));
  }
  CHECK(cells.bench.store.size() == 1);
}

TEST_CASE("buckets of CL.THROTTLE are beside the limits that calls declare") {
  LimitTable table(1);
  const LimitUsePtr api = table.declared("api", {1, 1000}, true);
  const LimitUsePtr one = table.cell({1, 1000}, 1);
  const LimitUsePtr other = table.cell({1, 1000}, 2);
  CHECK(table.declared("api", {1, 1000}, true) == api);
  CHECK(table.declared_count() == 1);
  CHECK(table.all() == std::vector<LimitUsePtr>{api});
  CHECK(one->rule == 0);
  // The first gave way, but as long as somebody counts by it it is the same one.
  CHECK(table.cell({1, 1000}, 1) == one);
  CHECK(other->limit->cell);
}
