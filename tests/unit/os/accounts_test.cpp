#include "daemon/os/accounts.hpp"

#include <string>

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("users and groups by name") {
  CHECK(*user_id("root") == 0);
  CHECK(*group_id("root") == 0);
  CHECK(user_id("nobody-has-this").error() == "there is no user 'nobody-has-this'");
  CHECK(group_id("nobody-has-this").error() == "there is no group 'nobody-has-this'");
  CHECK(user_id("").error() == "there is no user ''");
}

TEST_CASE("users and groups by number, whether it belongs to anybody or not") {
  CHECK(*user_id("0") == 0);
  CHECK(*group_id("0") == 0);
  CHECK(*user_id("4294967294") == 4294967294);
  CHECK(*group_id("3999999999") == 3999999999);
}

TEST_CASE("what is no number of an account is refused") {
  for (const std::string text :
       {"4294967295", "4294967296", "-1", "+1", " 1", "1 ", "0x1", "1.0"}) {
    INFO(text);
    CHECK(user_id(text).error() == "there is no user '" + text + "'");
    CHECK(group_id(text).error() == "there is no group '" + text + "'");
  }
}
