#include "daemon/store/credentials.hpp"

#include <set>
#include <string>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kSecond = 1'000'000;

Credentials::Options fetched() {
  Credentials::Options options;
  options.fetched = true;
  options.backoff_min_us = 1000;
  options.backoff_max_us = 4000;
  return options;
}

// One that has fetched "a", which the store has taken.
Credentials in_use(const Credentials::Options& options = fetched()) {
  Credentials credentials(options);
  credentials.fetching();
  REQUIRE(credentials.fetched({"a", 0}, Mono{0}));
  credentials.accepted();
  return credentials;
}

std::string error_of(std::string_view written) {
  const auto password = parse_password(written);
  REQUIRE_FALSE(password);
  return password.error();
}

}  // namespace

TEST_CASE("a command writes the password, and maybe for how long it is good") {
  for (const char* written : {"p w", "p w\n", "p w\r\n"}) {
    CHECK(parse_password(written)->text == "p w");
    CHECK(parse_password(written)->life_us == 0);
  }
  for (const char* written : {"p\nexpires-in 900", "p\r\nexpires-in 900\r\n"}) {
    CHECK(parse_password(written)->text == "p");
    CHECK(parse_password(written)->life_us == 900 * kSecond);
  }
  CHECK(parse_password("expires-in 5\n")->text == "expires-in 5");
  for (const char* written : {"", "\n", "\nhunter2\n"}) {
    CHECK(error_of(written) == "expected a password in its first line");
  }
  for (const char* written :
       {"hunter2\nhunter3\n", "hunter2\nexpires-in 0\n", "hunter2\nexpires-in 5s\n",
        "hunter2\nexpires-in -5\n", "hunter2\nexpires-in 315360001\n", "hunter2\n\nexpires-in 5\n",
        "hunter2\nexpires-in 5\nhunter3\n", "hunter2\nexpires-in\n", "hunter2\n\n"}) {
    INFO(written);
    CHECK(error_of(written) ==
          "expected nothing but expires-in and seconds, from 1 to 315360000, in a second line");
  }
}

TEST_CASE("a password that is said is never fetched") {
  Credentials credentials({});
  CHECK(credentials.next_fetch() == kNever);
  CHECK_FALSE(credentials.is_good(Mono{0}));
  CHECK(credentials.fetched({"a", 0}, Mono{0}));
  CHECK(credentials.is_good(Mono{INT64_MAX - 1}));
  credentials.refused(Mono{1});
  credentials.fetch_at(Mono{1});
  CHECK(credentials.next_fetch() == kNever);
}

TEST_CASE("it is fetched at first, and then when somebody asks for it") {
  Credentials credentials(fetched());
  CHECK(credentials.next_fetch() <= Mono{0});
  credentials.fetching();
  CHECK(credentials.next_fetch() == kNever);
  credentials.fetch_at(Mono{1});
  CHECK(credentials.next_fetch() == kNever);  // it is under way
  CHECK(credentials.fetched({"a", 0}, Mono{5}));
  CHECK(credentials.password() == "a");
  CHECK(credentials.next_fetch() == kNever);
  credentials.fetch_at(Mono{9});
  CHECK(credentials.next_fetch() == Mono{9});
  credentials.fetching();
  CHECK_FALSE(credentials.fetched({"a", 0}, Mono{9}));  // the same: nobody is to be told
  credentials.fetching();
  CHECK(credentials.fetched({"b", 0}, Mono{10}));
}

TEST_CASE("it is renewed while 70 to 80 % of its life are over, each time elsewhere") {
  Credentials::Options options = fetched();
  std::set<std::int64_t> moments;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    options.jitter_seed = seed * 0x9E3779B97F4A7C15;
    Credentials credentials(options);
    credentials.fetching();
    CHECK(credentials.fetched({"a", 900 * kSecond}, Mono{kSecond}));
    const Mono next = credentials.next_fetch();
    CHECK(next >= Mono{kSecond + 630 * kSecond});
    CHECK(next <= Mono{kSecond + 720 * kSecond});
    moments.insert(next.us);
    credentials.fetching();
    CHECK(credentials.fetched({"a", 900 * kSecond}, next));  // the same one lives longer
    moments.insert(credentials.next_fetch().us - next.us);
  }
  CHECK(moments.size() > 150);
}

TEST_CASE("a life that it does not say is the configured one") {
  Credentials::Options options = fetched();
  options.life_us = 100 * kSecond;
  Credentials credentials(options);
  credentials.fetching();
  credentials.fetched({"a", 0}, Mono{0});
  CHECK(credentials.is_good(Mono{100 * kSecond - 1}));
  CHECK_FALSE(credentials.is_good(Mono{100 * kSecond}));
  CHECK(credentials.next_fetch() >= Mono{70 * kSecond});
  credentials.fetching();
  credentials.fetched({"b", 10 * kSecond}, Mono{0});
  CHECK_FALSE(credentials.is_good(Mono{10 * kSecond}));
}

TEST_CASE("one that is refused is fetched once more at once, then after a back-off") {
  Credentials credentials = in_use();
  credentials.refused(Mono{100});
  CHECK(credentials.next_fetch() == Mono{100});
  credentials.fetching();

  SECTION("the same again is nothing to try") {
    CHECK_FALSE(credentials.fetched({"a", 900 * kSecond}, Mono{200}));
    CHECK(credentials.next_fetch() >= Mono{200 + 500});
    CHECK(credentials.next_fetch() <= Mono{200 + 1000});
    const Mono next = credentials.next_fetch();
    credentials.refused(Mono{300});  // each greeting tries it, and puts nothing off
    CHECK(credentials.next_fetch() == next);
    credentials.fetching();
    CHECK_FALSE(credentials.fetched({"a", 0}, Mono{1000}));
    CHECK(credentials.next_fetch() >= Mono{1000 + 1000});
  }
  SECTION("another one is") {
    CHECK(credentials.fetched({"b", 0}, Mono{200}));
    CHECK(credentials.next_fetch() == kNever);
    credentials.refused(Mono{300});
    CHECK(credentials.next_fetch() >= Mono{300 + 500});
    credentials.fetching();
    CHECK(credentials.fetched({"c", 0}, Mono{1500}));
    credentials.accepted();
    credentials.refused(Mono{2000});  // all is well meanwhile: once more at once
    CHECK(credentials.next_fetch() == Mono{2000});
  }
}

TEST_CASE("where it cannot be fetched it is tried again after a back-off") {
  Credentials credentials = in_use();
  Mono now{0};
  for (const std::int64_t ceiling : {1000, 2000, 4000, 4000}) {
    credentials.fetching();
    credentials.not_fetched(now);
    CHECK(credentials.next_fetch() >= Mono{now.us + ceiling / 2});
    CHECK(credentials.next_fetch() <= Mono{now.us + ceiling});
    now = credentials.next_fetch();
  }
  CHECK(credentials.password() == "a");  // the last one that there was
  CHECK(credentials.is_good(now));
}

TEST_CASE("one that is refused while the next is under way waits for that") {
  Credentials credentials = in_use();
  credentials.fetching();
  credentials.refused(Mono{100});
  CHECK(credentials.next_fetch() == kNever);
  CHECK(credentials.fetched({"b", 0}, Mono{200}));
}
