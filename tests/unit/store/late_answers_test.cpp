// When answers that come are as good as none.
#include "daemon/store/late_answers.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("three late answers in a row, each asked for after the last one, are too many") {
  LateAnswers late(250);
  late.answered({1000}, {1250});
  late.answered({1250}, {1500});
  CHECK_FALSE(late.none());
  CHECK_FALSE(late.too_many());
  SECTION("and a third") {
    late.answered({1500}, {1750});
    CHECK(late.too_many());
  }
  SECTION("the third was under way when the second came") {
    late.answered({1499}, {1800});
    CHECK_FALSE(late.too_many());
    late.answered({1500}, {1801});
    CHECK(late.too_many());
  }
  SECTION("one in between was in time") {
    late.answered({1500}, {1749});
    CHECK(late.none());
    late.answered({1500}, {1750});
    CHECK_FALSE(late.none());
    CHECK_FALSE(late.too_many());
  }
  SECTION("the connection is another one") {
    late.reset();
    CHECK(late.none());
    late.answered({1500}, {1750});
    CHECK_FALSE(late.too_many());
  }
}

TEST_CASE("what was late at one time is one standstill") {
  LateAnswers late(250);
  for (int call = 0; call < 20; ++call) late.answered({1000 + call}, {5000 + call});
  CHECK_FALSE(late.none());
  CHECK_FALSE(late.too_many());
}

TEST_CASE("what waits for replicas is late by them") {
  LateAnswers late(250);
  for (std::int64_t at = 1000; at < 10'000; at += 300) {
    late.waited({at + 300});
    late.answered({at}, {at + 301});
  }
  CHECK(late.none());
  late.answered({11'000}, {11'300});
  CHECK_FALSE(late.none());
}
