#include "daemon/limit/reservation.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("an answer grants nothing that was not asked for") {
  ReserveAnswer answer;
  answer.granted = {2, 0};
  CHECK(is_answer_to({{1, 2}, {5, 1}}, {}, answer));
  CHECK_FALSE(is_answer_to({{1, 1}, {5, 1}}, {}, answer));
  CHECK_FALSE(is_answer_to({{1, 2}}, {}, answer));
  CHECK_FALSE(is_answer_to({{1, 2}, {5, 1}, {1, 1}}, {}, answer));
  answer.granted = {-1, 0};
  CHECK_FALSE(is_answer_to({{1, 2}, {5, 1}}, {}, answer));
}

TEST_CASE("an answer books nothing that was not asked for") {
  ReserveAnswer answer;
  answer.time = {1000};
  const std::vector<BookingAsked> asked{{1, {2000}}, {5, {0}}};
  answer.booked = {{2000}, {0}};
  CHECK(is_answer_to({}, asked, answer));
  CHECK(booked_permits(asked, answer) == 1);
  CHECK(charged_permits({}, asked, 0, answer) == 1);
  answer.booked = {{1500}, {1000}};  // what is there at once is never too late
  CHECK(is_answer_to({}, asked, answer));
  CHECK(booked_permits(asked, answer) == 6);
  answer.booked = {{2001}, {0}};
  CHECK_FALSE(is_answer_to({}, asked, answer));
  answer.booked = {{999}, {0}};
  CHECK_FALSE(is_answer_to({}, asked, answer));
  answer.booked = {{2000}};
  CHECK_FALSE(is_answer_to({}, asked, answer));
}
