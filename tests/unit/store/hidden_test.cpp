#include "daemon/store/redis/hidden.hpp"

#include <string>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

std::string hidden(std::string error, std::string_view secret) {
  error.resize(hide_secret(error, secret));
  return error;
}

}  // namespace

TEST_CASE(
    "what a server repeats of a command's arguments is cut off, also where it is cut already") {
  CHECK(hidden("ERR unknown command 'AUTH', with args beginning with: 'joe' 'S3cr", "S3cr3t") ==
        "ERR unknown command 'AUTH'");
  CHECK(hidden("ERR unknown command `AUTH`, with args beginning with: `joe`, ", "") ==
        "ERR unknown command `AUTH`");
}

TEST_CASE("a password is covered wherever an error has it, and every other error stays as it is") {
  CHECK(hidden("S3cr3t is wrong: S3cr3tS3cr3t", "S3cr3t") == "****** is wrong: ************");
  CHECK(hidden("WRONGPASS invalid username-password pair", "pass") ==
        "WRONGPASS invalid username-****word pair");
  CHECK(hidden("ERR of a", "a") == "ERR of a");
  CHECK(hidden("", "S3cr3t").empty());
  CHECK(hidden("NOAUTH", "") == "NOAUTH");
}
