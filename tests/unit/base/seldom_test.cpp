#include "daemon/base/seldom.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("what happens often is said at once, and then now and then with how often") {
  Seldom seldom(1000);
  CHECK(seldom.happened(Mono{-5}) == 1);
  CHECK(seldom.happened(Mono{0}) == 0);
  CHECK(seldom.happened(Mono{994}) == 0);
  CHECK(seldom.happened(Mono{995}) == 3);
  CHECK(seldom.happened(Mono{996}) == 0);
  CHECK(seldom.happened(Mono{9000}) == 2);
}
