// What is leased out of a bucket, held against the promise and against whole numbers that lose
// nothing.
#include <algorithm>
#include <random>
#include <vector>

#include "daemon/limit/limit.hpp"
#include "daemon/limit/token_bucket.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/limit/exact_bucket.hpp"

using namespace rategate;
using namespace rategate::test;

namespace {

constexpr FillRate kRates[] = {
    {1, 2'678'400'000'000},       {7, 60'000'000}, {1, 1000}, {3, 1000}, {10, 1},
    {999'999'937, 86'400'000'000}};

// All that is wanted may be raised, unless the test says something else.
BucketAsked asked_of(const FillRate& rate, std::int64_t burst) {
  BucketAsked asked;
  asked.rate = rate;
  asked.burst = burst;
  asked.slices = slices_of(fill_us(rate, burst));
  asked.raisable = kMaxPermits;
  return asked;
}

// A burst of 1000 that fills in a second, in slices of 62 ms.
BucketAsked thousand() { return asked_of({1, 1000}, 1000); }

// Of that one: so many were taken since it was full.
TokenBucket taken_of(std::int64_t permits) { return {kNow, permits, {1, 1000}}; }

struct Numbers {
  std::mt19937_64 random{5};
  std::int64_t below(std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
  }
};

// A bucket that is asked again and again for random costs and leases, at random moments.
struct Asking {
  Numbers& numbers;
  bool is_slow;
  bool steps_back = true;  // the clock is set back now and then
  bool settles = false;    // permits come back, or are charged without a test
  BucketAsked asked;
  BucketAhead ahead;
  CostRuns costs;
  StoreTime now{kNow};
  std::optional<TokenBucket> stored;
  Wide before =
      0;  // when it would have been full without the costs and the lease, and not before now

  Asking(const FillRate& rate, Numbers& n)
      : numbers(n),
        is_slow(rate.us / rate.permits > 1'000'000'000'000),
        // Up to what flows in within a second, or more.
        asked(asked_of(rate,
                       1 + n.below(is_slow ? 16 : 5000 + rate.permits * 1'000'000 / rate.us))) {}
  int calls() const { return is_slow ? 150 : 4000; }  // within the moments that there are

  BucketGrant next() {
    // Sometimes it is full in between.
    now.us += numbers.below(fill_us(asked.rate, asked.burst) / (1 + numbers.below(9)) + 2);
    if (steps_back && !is_slow && numbers.below(50) == 0) now.us -= numbers.below(400'000);
    before = Wide{now.us} * asked.rate.permits;
    if (stored) before = std::max(before, full_of(*stored));
    if (settles)
      asked.back = numbers.below(3) == 0 ? numbers.below(3 * asked.burst) - asked.burst : 0;
    if (stored || asked.back < 0) before = full_after_back(before, asked.back, asked.rate, now);
    costs = CostRuns{};
    if (numbers.below(2) == 0) costs.push_back({1 + numbers.below(asked.burst), 1});
    ahead.lease = numbers.below(asked.burst);
    asked.raisable = numbers.below(2) == 0 ? 0 : numbers.below(asked.burst);
    BucketGrant grant = grant_from_bucket(stored, asked, ahead, costs, now);
    if (grant.changed) stored = grant.bucket;
    return grant;
  }
  // What the costs were charged by that.
  std::int64_t paid(const BucketGrant& grant) const {
    return costs.empty() ? 0 : grant.granted.front() * costs.front().cost;
  }
  bool refused(const BucketGrant& grant) const {
    return !costs.empty() && grant.granted.front() == 0;
  }
  // When a bucket is full of which all is taken that there is.
  Wide most() const {
    return Wide{now.us} * asked.rate.permits + Wide{asked.burst} * asked.rate.us;
  }
  Wide lease_ends() const {
    return Wide{lease_ends_ms(asked.slices, now)} * 1000 * asked.rate.permits;
  }
};

// Permits that may be spent from `from_us` until `to_us`.
struct Given {
  std::int64_t permits = 0;
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;
};

class History {
 public:
  void add(const Asking& asking, const BucketGrant& grant) {
    const std::int64_t now_us = asking.now.us;
    const std::int64_t paid = asking.paid(grant);
    if (paid > 0) all_.push_back({paid, now_us, now_us});
    if (grant.leased > 0) all_.push_back({grant.leased, now_us, grant.ends_ms * 1000});
  }
  // Wherever the permits are spent within their lives.
  void require_bound(const BucketAsked& asked) const {
    for (const Given& first : all_) {
      for (const Given& last : all_) {
        const std::int64_t start_us = first.to_us;
        const std::int64_t end_us = std::max(start_us, last.from_us);
        const Wide above = Wide{most_spent(start_us, end_us)} - asked.burst;
        REQUIRE(above * asked.rate.us <= Wide{end_us - start_us} * asked.rate.permits);
      }
    }
  }

 private:
  std::int64_t most_spent(std::int64_t start_us, std::int64_t end_us) const {
    std::int64_t permits = 0;
    for (const Given& given : all_) {
      if (given.from_us <= end_us && given.to_us >= start_us) permits += given.permits;
    }
    return permits;
  }

  std::vector<Given> all_;
};

}  // namespace

TEST_CASE("a lease takes as if it were all spent at its end, and half of what is left") {
  Numbers numbers;
  for (const FillRate& rate : kRates) {
    Asking asking(rate, numbers);
    asking.settles = true;
    int leases = 0;
    int raised = 0;
    for (int i = 0; i < asking.calls(); ++i) {
      const BucketGrant grant = asking.next();
      const Wide full = asking.before + Wide{asking.paid(grant)} * rate.us;
      REQUIRE(full <= std::max(asking.before, asking.most()));
      if (grant.leased == 0) {
        REQUIRE((!grant.changed || full_of(grant.bucket) == full));
        continue;
      }
      const Wide ends = asking.lease_ends();
      const Wide from = std::max(full, ends);
      REQUIRE_FALSE(asking.refused(grant));
      REQUIRE(grant.changed);
      REQUIRE(Wide{grant.ends_ms} * 1000 * rate.permits == ends);
      REQUIRE(full_of(grant.bucket) == from + Wide{grant.leased} * rate.us);
      REQUIRE(from + 2 * Wide{grant.leased} * rate.us <= asking.most());
      REQUIRE(grant.leased <= asking.ahead.lease);
      if (full <= ends) REQUIRE(grant.leased <= asking.asked.raisable);
      ++leases;
      if (full <= ends) ++raised;
    }
    INFO(rate.permits << " per " << rate.us << " us");
    CHECK(leases > 20);
    CHECK(raised > 0);
    CHECK(leases - raised > 5);
  }
}

TEST_CASE("a lease that is less than was wanted is half of what is left, and not less") {
  Numbers numbers;
  for (const FillRate& rate : kRates) {
    Asking asking(rate, numbers);
    asking.settles = true;
    for (int i = 0; i < asking.calls(); ++i) {
      const BucketGrant grant = asking.next();
      const Wide full = asking.before + Wide{asking.paid(grant)} * rate.us;
      const Wide ends = asking.lease_ends();
      std::int64_t wanted = asking.ahead.lease;
      if (full <= ends) wanted = std::min(wanted, asking.asked.raisable);
      if (asking.refused(grant) || grant.leased == wanted) continue;
      REQUIRE(std::max(full, ends) + 2 * Wide{grant.leased + 1} * rate.us > asking.most());
    }
  }
}

TEST_CASE("whenever leases are spent, no interval has more than the burst and what flows in") {
  Numbers numbers;
  for (int i = 0; i < 200; ++i) {
    Asking asking({1 + numbers.below(9), 1 + numbers.below(9'000)}, numbers);
    History history;
    for (int call = 0; call < 40; ++call) history.add(asking, asking.next());
    history.require_bound(asking.asked);
  }
}

TEST_CASE("leases that are out when a bucket is lost are within the bound") {
  Numbers numbers;
  for (int i = 0; i < 200; ++i) {
    Asking asking({1 + numbers.below(9), 1 + numbers.below(9'000)}, numbers);
    asking.steps_back = false;
    History history;
    for (int call = 0; call < 20; ++call) history.add(asking, asking.next());
    // The host has heard of it, or it knows that the bucket cannot be full.
    if (i % 2 == 0) asking.asked.emptied = asking.now;
    if (i % 2 == 1 && asking.stored) asking.asked.known = not_full_before(*asking.stored);
    asking.stored.reset();
    for (int call = 0; call < 20; ++call) history.add(asking, asking.next());
    history.require_bound(asking.asked);
  }
}

TEST_CASE("nothing is leased of a bucket beside a refusal") {
  const BucketGrant granted =
      grant_from_bucket(taken_of(900), thousand(), {10, 0}, CostRuns{{50, 1}}, {kNow});
  CHECK(granted.leased == 10);
  const BucketGrant refused =
      grant_from_bucket(taken_of(900), thousand(), {10, 0}, CostRuns{{50, 3}}, {kNow});
  CHECK(refused.granted.front() == 2);
  CHECK(refused.leased == 0);
  CHECK(refused.ends_ms == 0);
  CHECK(refused.bucket == taken_of(1000));
}

TEST_CASE("what waits comes before the lease, which is half of what that leaves") {
  const BucketGrant grant =
      grant_from_bucket(taken_of(900), thousand(), {1000, 0}, CostRuns{{40, 2}}, {kNow});
  CHECK(grant.granted.front() == 2);
  CHECK(grant.leased == 10);
  CHECK(grant.bucket == taken_of(990));
  const BucketGrant one = grant_from_bucket(taken_of(999), thousand(), {1000, 0}, {}, {kNow});
  CHECK(one.leased == 0);
  CHECK_FALSE(one.changed);
}

TEST_CASE("out of a bucket that is full before the lease ends only so much is leased as may be") {
  BucketAsked asked = thousand();
  const std::int64_t ends_us = lease_ends_ms(asked.slices, {kNow}) * 1000;
  asked.raisable = 7;
  const BucketGrant raised = grant_from_bucket(std::nullopt, asked, {100, 0}, {}, {kNow});
  CHECK(raised.leased == 7);
  CHECK(raised.bucket == TokenBucket{ends_us, 7, asked.rate});
  asked.raisable = 0;
  const BucketGrant none =
      grant_from_bucket(std::nullopt, asked, {100, 0}, CostRuns{{1, 1}}, {kNow});
  CHECK(none.leased == 0);
  CHECK(none.bucket == taken_of(1));
}

TEST_CASE("a bucket that is not full before the lease ends is not raised") {
  BucketAsked asked = thousand();
  asked.raisable = 0;
  const std::int64_t until_end = lease_ends_ms(asked.slices, {kNow}) - kNow / 1000;
  const BucketGrant full_then = grant_from_bucket(taken_of(until_end), asked, {100, 0}, {}, {kNow});
  CHECK(full_then.leased == 0);
  const BucketGrant full_later =
      grant_from_bucket(taken_of(until_end + 1), asked, {100, 0}, {}, {kNow});
  CHECK(full_later.leased == 100);
  CHECK(full_later.bucket == taken_of(until_end + 101));
}

TEST_CASE("a host that has no slices is leased nothing") {
  BucketAsked asked = thousand();
  asked.slices = {};
  const BucketGrant grant = grant_from_bucket(taken_of(500), asked, {100, 0}, {}, {kNow});
  CHECK(grant.leased == 0);
  CHECK_FALSE(grant.changed);
}

TEST_CASE("what is in hand is put towards the costs first, and is not charged again") {
  BucketAsked asked = thousand();
  asked.hand_ends_ms = kNow / 1000 + 1;
  const BucketGrant both =
      grant_from_bucket(taken_of(990), asked, {0, 5}, CostRuns{{15, 1}}, {kNow});
  CHECK(both.granted.front() == 1);
  CHECK(both.bucket == taken_of(1000));
  const BucketGrant above =
      grant_from_bucket(taken_of(990), asked, {0, 5}, CostRuns{{16, 1}}, {kNow});
  CHECK(above.granted.front() == 0);
  CHECK_FALSE(above.changed);
  const BucketGrant hand_alone =
      grant_from_bucket(taken_of(990), asked, {0, 5}, CostRuns{{2, 2}}, {kNow});
  CHECK(hand_alone.granted.front() == 2);
  CHECK_FALSE(hand_alone.changed);
}

TEST_CASE("what is in hand pays where the bucket is empty, or in debt") {
  BucketAsked asked = thousand();
  asked.hand_ends_ms = kNow / 1000 + 1;
  for (const std::int64_t taken : {1000, 1500}) {
    const BucketGrant grant =
        grant_from_bucket(taken_of(taken), asked, {0, 5}, CostRuns{{1, 9}}, {kNow});
    CHECK(grant.granted.front() == 5);
    CHECK(grant.bucket == taken_of(taken));
  }
}

TEST_CASE("what is in hand counts only before its end, by the store's clock") {
  BucketAsked asked = thousand();
  asked.hand_ends_ms = kNow / 1000;
  CHECK(good_in_hand(asked.hand_ends_ms, 5, {kNow - 1}) == 5);
  CHECK(good_in_hand(asked.hand_ends_ms, 5, {kNow}) == 0);
  CHECK(good_in_hand(asked.hand_ends_ms, -1, {kNow - 1}) == 0);
  const BucketGrant over =
      grant_from_bucket(taken_of(1000), asked, {0, 5}, CostRuns{{1, 1}}, {kNow});
  CHECK(over.granted.front() == 0);
  const BucketGrant good =
      grant_from_bucket(taken_of(1000), asked, {0, 5}, CostRuns{{1, 1}}, {kNow - 1});
  CHECK(good.granted.front() == 1);
}

TEST_CASE("a bucket that is missing, and cannot be full, begins empty, and is not leased") {
  BucketAsked asked = thousand();
  asked.known = {kNow + 1};
  const BucketGrant grant = grant_from_bucket(std::nullopt, asked, {10, 0}, {}, {kNow});
  CHECK(grant.leased == 0);
  CHECK(grant.changed);
  CHECK(grant.bucket == taken_of(1000));
  // One that would be full by now is not lost.
  asked.known = {kNow};
  CHECK(grant_from_bucket(std::nullopt, asked, {10, 0}, {}, {kNow}).leased == 10);
}

TEST_CASE("what comes back is there for the costs and the lease of the same call") {
  BucketAsked asked = thousand();
  asked.back = 100;
  const BucketGrant grant =
      grant_from_bucket(taken_of(1000), asked, {1000, 0}, CostRuns{{60, 1}}, {kNow});
  CHECK(grant.granted.front() == 1);
  CHECK(grant.leased == 20);
  CHECK(grant.bucket == TokenBucket{kNow, 980, asked.rate, 100});
  // A bucket that is raised for a lease still tells of it.
  asked.back = 990;
  const BucketGrant raised = grant_from_bucket(taken_of(1000), asked, {7, 0}, {}, {kNow});
  CHECK(raised.bucket == TokenBucket{raised.ends_ms * 1000, 7, asked.rate, 990});
}

TEST_CASE("more comes back than was leased of a bucket that is full when the lease ends") {
  BucketAsked asked = thousand();
  const BucketGrant leased = grant_from_bucket(std::nullopt, asked, {7, 0}, {}, {kNow});
  REQUIRE(leased.leased == 7);
  REQUIRE(leased.bucket.full_us > kNow);
  asked.back = 10;
  const BucketGrant grant = grant_from_bucket(leased.bucket, asked, {}, {}, {kNow});
  CHECK(grant.bucket.settled == 10);
  CHECK(grant.bucket.taken >= 0);
  CHECK(full_of(grant.bucket) == full_of(leased.bucket) - Wide{10} * asked.rate.us);
}

TEST_CASE("nothing is leased of a bucket that is in debt") {
  BucketAsked asked = thousand();
  asked.back = -600;
  const BucketGrant grant = grant_from_bucket(taken_of(500), asked, {10, 0}, {}, {kNow});
  CHECK(grant.leased == 0);
  CHECK(grant.changed);
  CHECK(grant.bucket == taken_of(1100));
}
