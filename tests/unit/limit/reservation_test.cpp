#include "daemon/limit/reservation.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("an answer grants nothing that was not asked for") {
  ReserveAnswer answer;
  answer.granted = {2, 0};
  CHECK(is_answer_to({{1, 2}, {5, 1}}, answer));
  CHECK_FALSE(is_answer_to({{1, 1}, {5, 1}}, answer));
  CHECK_FALSE(is_answer_to({{1, 2}}, answer));
  CHECK_FALSE(is_answer_to({{1, 2}, {5, 1}, {1, 1}}, answer));
  answer.granted = {-1, 0};
  CHECK_FALSE(is_answer_to({{1, 2}, {5, 1}}, answer));
}
