// The seam of algorithms: one that the product does not have, through the gate, a link and the
// memory store, without a change to any of them.
#include "daemon/limit/algorithm.hpp"

#include <memory>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/store/fake_transport.hpp"

using namespace rategate;

namespace {

// Its counter counts checks, and every other one is allowed.
Grant every_other(const GrantAsked& asked, const CostRuns& costs) {
  std::int64_t counter = asked.counter;
  Grant grant;
  for (const CostRun& run : costs) {
    const std::int64_t first_is_allowed = counter % 2 == 0 ? 1 : 0;
    grant.granted.push_back((run.count + first_is_allowed) / 2);
    grant.total += run.count;
    counter += run.count;
  }
  return grant;
}
Standing never_exhausted(std::int64_t, std::int64_t limit) { return {limit, false}; }

const Algorithm kEveryOther = {"every-other", true, place, never_exhausted, every_other};

}  // namespace

TEST_CASE("an algorithm of a test's own decides checks, beside the fixed window") {
  Told told;
  FakeTransport transport{1'700'000'000'000'000};
  Driver driver({}, nullptr, told);
  Link& link = driver.add({}, transport);
  driver.start(transport.now);
  link.connected(transport.now);
  driver.pump(transport.now);
  transport.answer_all(link);

  Limit limit = declared_limit("api", {1000, 1000}, true);
  limit.algorithm = &kEveryOther;
  limit.mode = Mode::Exact;
  const auto other = std::make_shared<LimitUse>(std::make_shared<const Limit>(limit));
  CHECK_FALSE(other->leased);
  const auto window = std::make_shared<LimitUse>(
      std::make_shared<const Limit>(declared_limit("plain", {3, 1000}, true)));
  const auto ask = [&](const LimitUsePtr& use) {
    REQUIRE(driver.gate().check({use, "k", 1, 1, 1}, transport.now).waits);
    driver.pump(transport.now);
    transport.answer_all(link);
    const auto answers = std::exchange(driver.gate().answers(), {});
    REQUIRE(answers.size() == 1);
    return answers[0].decision.allowed;
  };
  std::vector<bool> allowed;
  for (int i = 0; i < 6; ++i) allowed.push_back(ask(other));
  CHECK(allowed == std::vector<bool>{true, false, true, false, true, false});
  for (int i = 0; i < 3; ++i) CHECK(ask(window));
  // Used up is known here; the other algorithm never says so.
  CHECK_FALSE(driver.gate().check({window, "k", 1, 1, 1}, transport.now).waits);
}
