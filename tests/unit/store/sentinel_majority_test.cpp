// Whom a majority names, and how old the proof of it is.
#include <initializer_list>
#include <utility>
#include <vector>

#include "daemon/store/sentinel/majority.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

const HostPort kA{"a", 1};
const HostPort kB{"b", 2};
constexpr Mono kNow{10'000'000};

Mono ago(std::int64_t ms) { return {kNow.us - ms * 1000}; }

SentinelAnswer names(const HostPort& primary, Mono asked, std::vector<HostPort> replicas = {}) {
  SentinelAnswer answer;
  answer.primary = primary;
  answer.asked = asked;
  answer.replicas = std::move(replicas);
  return answer;
}

Majority of(std::initializer_list<SentinelAnswer> answers) {
  Majority majority;
  for (std::size_t i = 0; i < answers.size(); ++i) majority.add();
  std::size_t at = 0;
  for (const SentinelAnswer& answer : answers) majority.answered(at++, answer);
  return majority;
}

const SentinelAnswer kNothing;

}  // namespace

TEST_CASE("a majority is more than half of those that are configured, not of those that answer") {
  const auto fresh = names(kA, kNow);
  CHECK(of({fresh}).primary(kNow) == kA);
  CHECK_FALSE(of({fresh, kNothing}).primary(kNow));
  CHECK(of({fresh, fresh}).primary(kNow) == kA);
  CHECK_FALSE(of({fresh, kNothing, kNothing}).primary(kNow));
  CHECK(of({kNothing, fresh, fresh}).primary(kNow) == kA);
  CHECK_FALSE(of({fresh, fresh, kNothing, kNothing}).primary(kNow));
  CHECK(of({fresh, fresh, fresh, kNothing, kNothing}).primary(kNow) == kA);
  CHECK_FALSE(Majority().primary(kNow));
}

TEST_CASE("one that names another is outvoted, and names nobody by itself") {
  CHECK(of({names(kB, kNow), names(kA, kNow), names(kA, kNow)}).primary(kNow) == kA);
  CHECK_FALSE(of({names(kB, kNow), names(kA, kNow), kNothing}).primary(kNow));
  CHECK(of({names(kB, kNow), names(kA, kNow), names(kB, kNow)}).primary(kNow) == kB);
}

TEST_CASE("an answer is as old as its question, and good for a second") {
  const Majority majority = of({names(kA, ago(1000)), names(kA, ago(3)), kNothing});
  CHECK(majority.primary(kNow) == kA);
  CHECK_FALSE(majority.primary(after(kNow, 1)));
}

TEST_CASE("the proof is the oldest question of the newest majority") {
  CHECK(of({names(kA, ago(5)), names(kA, ago(700)), names(kA, ago(20))}).named_since_question(kA) ==
        ago(20));
  CHECK(of({names(kA, ago(5)), names(kA, ago(700)), kNothing}).named_since_question(kA) ==
        ago(700));
  // However old: whoever asks judges its age.
  CHECK(of({names(kA, ago(9000))}).named_since_question(kA) == ago(9000));
  CHECK(of({names(kA, ago(1)), names(kA, ago(2)), names(kA, ago(3)), names(kA, ago(4)),
            names(kA, ago(5))})
            .named_since_question(kA) == ago(3));
  CHECK_FALSE(of({names(kA, ago(5)), names(kB, ago(1)), kNothing}).named_since_question(kA));
}

TEST_CASE("what a sentinel says takes the place of what it said") {
  Majority majority = of({names(kA, ago(10)), names(kA, ago(10)), names(kA, ago(900))});
  CHECK(majority.named_since_question(kA) == ago(10));
  majority.answered(0, names(kB, ago(5)));
  CHECK(majority.named_since_question(kA) == ago(900));
  majority.answered(1, names(kB, ago(4)));
  CHECK_FALSE(majority.named_since_question(kA));
  CHECK(majority.named_since_question(kB) == ago(5));
  majority.answered(1, kNothing);
  CHECK_FALSE(majority.primary(kNow));
}

TEST_CASE("the replicas are all that any of the majority lists, and unknown where one does not") {
  const HostPort c{"c", 3};
  const HostPort d{"d", 4};
  const auto lists = [&](std::vector<HostPort> replicas, std::int64_t ms) {
    return names(kA, ago(ms), std::move(replicas));
  };
  CHECK(of({lists({kB, c}, 5), lists({c}, 5), kNothing}).replicas_of(kA) ==
        std::vector<HostPort>{kB, c});
  CHECK(of({lists({}, 5)}).replicas_of(kA) == std::vector<HostPort>{});
  CHECK_FALSE(of({lists({kB}, 5), kNothing}).replicas_of(kA));
  CHECK_FALSE(of({lists({kB}, 5)}).replicas_of(kB));
  // One that is older than the proof is not of it.
  CHECK(of({lists({kB}, 5), lists({kB}, 6), lists({d}, 800)}).replicas_of(kA) ==
        std::vector<HostPort>{kB});
  auto silent = lists({}, 5);
  silent.replicas.reset();
  CHECK_FALSE(of({lists({kB}, 5), silent}).replicas_of(kA));
}
