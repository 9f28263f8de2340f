// Decisions as HTTP fields, in C and in C++.
#include <cerrno>
#include <cstdint>
#include <limits>
#include <rategate/rategate.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/catch.hpp"

namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kLongest = 31LL * 24 * 3600 * 1000;
constexpr std::int64_t kLongestWindow = 367LL * 24 * 3600 * 1000;  // of the calendar

rategate_decision allowed(std::int64_t remaining, std::int64_t reset_after_ms) {
  rategate_decision decision{};
  decision.allowed = 1;
  decision.limit = 100;
  decision.remaining = remaining;
  decision.reset_after_ms = reset_after_ms;
  return decision;
}

rategate_decision denied(std::int64_t remaining, std::int64_t retry_after_ms,
                         std::int64_t reset_after_ms) {
  rategate_decision decision = allowed(remaining, reset_after_ms);
  decision.allowed = 0;
  decision.reason = RATEGATE_OVER_LIMIT;
  decision.retry_after_ms = retry_after_ms;
  return decision;
}

// The text, with "\n" for "\r\n"; or the error's number.
std::string written(const rategate_decision& decision, std::int64_t period_ms,
                    std::int64_t burst = 0, const std::string& name = "api") {
  char lines[RATEGATE_MAX_HTTP_FIELDS];
  const int size =
      rategate_http_fields(name.c_str(), period_ms, burst, &decision, lines, sizeof lines);
  if (size < 0) return std::to_string(size);
  CHECK(std::string_view(lines).size() == static_cast<std::size_t>(size));
  std::string text;
  for (const char* at = lines; *at != '\0'; ++at) {
    if (*at == '\r') {
      CHECK(at[1] == '\n');
    } else {
      text += *at;
    }
  }
  return text;
}

// The value of one field, "none" where it is left out.
std::string value(std::string_view field, const std::string& text) {
  const std::string start = std::string(field) + ": ";
  const auto at = ("\n" + text).find("\n" + start);
  if (at == std::string::npos) return "none";
  const auto from = at + start.size();
  return text.substr(from, text.find('\n', from) - from);
}

std::string policy(std::int64_t period_ms, std::int64_t burst = 0, std::int64_t limit = 100) {
  rategate_decision decision = allowed(1, 1000);
  decision.limit = limit;
  return value("RateLimit-Policy", written(decision, period_ms, burst));
}

std::string state(const rategate_decision& decision, std::int64_t period_ms = kMinute,
                  std::int64_t burst = 0) {
  return value("RateLimit", written(decision, period_ms, burst));
}

const std::string kWrong = std::to_string(-EINVAL);

}  // namespace

TEST_CASE("a decision is written as HTTP fields") {
  CHECK(written(allowed(41, 12'345), kMinute) ==
        "RateLimit-Policy: \"api\";q=100;w=60\n"
        "RateLimit: \"api\";r=41;t=13\n"
        "X-RateLimit-Limit: 100\n"
        "X-RateLimit-Remaining: 41\n"
        "X-RateLimit-Reset: 13\n");
  CHECK(written(denied(0, 12'345, 12'345), kMinute) ==
        "RateLimit-Policy: \"api\";q=100;w=60\n"
        "RateLimit: \"api\";r=0;t=13\n"
        "X-RateLimit-Limit: 100\n"
        "X-RateLimit-Remaining: 0\n"
        "X-RateLimit-Reset: 13\n"
        "Retry-After: 13\n");
}

TEST_CASE("of a key that is blocked or unlimited there is nothing to write") {
  rategate_decision decision{};
  decision.reason = RATEGATE_BLOCKED;
  decision.retry_after_ms = -1;
  CHECK(written(decision, kMinute).empty());
  decision = {};
  decision.allowed = 1;
  decision.reason = RATEGATE_UNLIMITED;
  decision.limit = decision.remaining = -1;
  CHECK(written(decision, kMinute).empty());
  char none = 'x';
  CHECK(rategate_http_fields("api", kMinute, 0, &decision, &none, 0) == -ENOSPC);
  decision.reason = RATEGATE_COUNTED;
  CHECK(written(decision, kMinute) == kWrong);
}

TEST_CASE("a window is told in whole seconds or not at all") {
  CHECK(policy(1000) == R"("api";q=100;w=1)");
  CHECK(policy(kLongest) == R"("api";q=100;w=2678400)");
  CHECK(policy(745LL * 3600 * 1000) == R"("api";q=100;w=2682000)");
  CHECK(policy(kLongestWindow) == R"("api";q=100;w=31708800)");
  for (const std::int64_t period_ms : {0, 10, 100, 999, 1001, 1500}) {
    CHECK(policy(period_ms) == R"("api";q=100)");
  }
  CHECK(policy(1000, 0, RATEGATE_MAX_COST) == R"("api";q=1000000000;w=1)");
}

TEST_CASE("a bucket's quota is its burst, in the time in which that flows in") {
  CHECK(policy(1000, 100) == R"("api";q=100;w=1)");
  CHECK(policy(1000, 101) == R"("api";q=101;w=2)");
  CHECK(policy(100, 1000, 10) == R"("api";q=1000;w=10)");
  CHECK(policy(1000, 20) == R"("api";q=20)");
  CHECK(policy(0, 20) == R"("api";q=20)");
  CHECK(policy(kLongest, 300'000'000, 1000) == R"("api";q=300000000;w=803520000000)");
  CHECK(policy(kLongest, RATEGATE_MAX_COST, 3) == R"("api";q=1000000000;w=892800000000000)");
  // 2.7e15 seconds have a digit too many.
  rategate_decision slow = allowed(1, 1);
  slow.limit = 1;
  CHECK(written(slow, kLongest, RATEGATE_MAX_COST) == kWrong);
  CHECK(value("X-RateLimit-Limit", written(allowed(1, 1), 1000, 20)) == "20");
}

TEST_CASE("t is the time until more is available, rounded up") {
  for (const auto& [ms, seconds] : std::vector<std::pair<std::int64_t, std::string>>{
           {1, "1"}, {999, "1"}, {1000, "1"}, {1001, "2"}, {kLongest, "2678400"}}) {
    CHECK(state(allowed(41, ms)) == R"("api";r=41;t=)" + seconds);
    const std::string text = written(denied(0, ms, ms), kMinute);
    CHECK(value("RateLimit", text) == R"("api";r=0;t=)" + seconds);
    CHECK(value("Retry-After", text) == seconds);
    CHECK(value("X-RateLimit-Reset", text) == seconds);
  }
  // What is left may not be enough for what was asked.
  CHECK(state(denied(3, 1, 5000)) == R"("api";r=3;t=1)");
}

TEST_CASE("of a bucket more is available with the next permit") {
  // A permit in each 2.5 s.
  rategate_decision decision = allowed(2, 7500);
  decision.limit = 24;
  for (const auto& [ms, seconds] : std::vector<std::pair<std::int64_t, std::string>>{{7500, "3"},
                                                                                     {7499, "3"},
                                                                                     {7001, "3"},
                                                                                     {7000, "2"},
                                                                                     {6001, "2"},
                                                                                     {6000, "1"},
                                                                                     {5001, "1"},
                                                                                     {5000, "3"},
                                                                                     {1, "1"}}) {
    decision.reset_after_ms = ms;
    CHECK(state(decision, kMinute, 5) == R"("api";r=2;t=)" + seconds);
    CHECK(value("X-RateLimit-Reset", written(decision, kMinute, 5)) ==
          std::to_string((ms + 999) / 1000));
  }
  CHECK(state(allowed(100, 0), kMinute, 100) == R"("api";r=100)");
  CHECK(state(allowed(99, 10), 0, 100) == R"("api";r=99)");
  CHECK(state(denied(0, 2001, 60'000), kMinute, 100) == R"("api";r=0;t=3)");
  // The largest numbers there are: a permit in each 2.7 µs, and one in 31 days.
  decision = allowed(1, std::int64_t{281'404'800'000});
  decision.limit = RATEGATE_MAX_COST;
  CHECK(state(decision, kLongest, RATEGATE_MAX_COST) == R"("api";r=1;t=1)");
  decision.limit = 1;
  decision.reset_after_ms = 3 * kLongest;
  CHECK(state(decision, kLongest, 4) == R"("api";r=1;t=2678400)");
}

TEST_CASE("what is not known is not written") {
  CHECK(written(allowed(-1, 12'345), kMinute) ==
        "RateLimit-Policy: \"api\";q=100;w=60\n"
        "X-RateLimit-Limit: 100\n");
  CHECK(written(denied(-1, 1, 12'345), kMinute) ==
        "RateLimit-Policy: \"api\";q=100;w=60\n"
        "X-RateLimit-Limit: 100\n"
        "Retry-After: 1\n");
}

TEST_CASE("who is told to retry can have it one day") {
  CHECK(written(denied(-1, -1, 12'345), kMinute) ==
        "RateLimit-Policy: \"api\";q=100;w=60\n"
        "X-RateLimit-Limit: 100\n");
  const std::string never = written(denied(7, -1, 5000), kMinute);
  CHECK(value("RateLimit", never) == R"("api";r=7)");
  CHECK(value("Retry-After", never) == "none");
  CHECK(value("Retry-After", written(denied(0, 0, 5000), kMinute)) == "none");
  rategate_decision decision = allowed(1, 5000);
  decision.retry_after_ms = 1;
  CHECK(value("Retry-After", written(decision, kMinute)) == "none");
}

TEST_CASE("names are written as they are, and so are those of limits only") {
  const std::string longest(RATEGATE_MAX_NAME, '@');
  for (const std::string& name : {std::string("a"), std::string("A_b.c/d@e-9"), longest}) {
    CHECK(value("RateLimit", written(allowed(1, 1), kMinute, 0, name)) ==
          '"' + name + "\";r=1;t=1");
  }
  for (const std::string& name :
       {std::string(), std::string("a\""), std::string("a\\"), std::string("a\r\nSet-Cookie: b"),
        std::string("a\x01"), std::string("a\x7f"), std::string("a b"), std::string("\xc3\xa4"),
        longest + "@"}) {
    CHECK(written(allowed(1, 1), kMinute, 0, name) == kWrong);
  }
}

TEST_CASE("a buffer is large enough or untouched") {
  constexpr std::int64_t kMost = 999'999'999'999'999;
  rategate_decision decision = denied(kMost, kMost * 1000, kMost * 1000);
  decision.limit = RATEGATE_MAX_COST;
  const std::string name(RATEGATE_MAX_NAME, 'x');
  const std::string text = written(decision, kLongest, 0, name);
  CHECK(value("RateLimit", text) == '"' + name + "\";r=999999999999999;t=999999999999999");

  std::string buffer(RATEGATE_MAX_HTTP_FIELDS, '#');
  const auto write = [&](std::size_t size) {
    return rategate_http_fields("api", kMinute, 0, &decision, buffer.data(), size);
  };
  decision = denied(0, 1, 1);
  const int size = write(buffer.size());
  REQUIRE(size > 0);
  const auto needed = static_cast<std::size_t>(size) + 1;
  CHECK(buffer[needed - 1] == '\0');
  CHECK(buffer.find_first_not_of('#', needed) == std::string::npos);
  buffer.assign(buffer.size(), '#');
  for (const std::size_t small : {needed - 1, std::size_t{1}, std::size_t{0}}) {
    CHECK(write(small) == -ENOSPC);
  }
  CHECK(buffer.find_first_not_of('#') == std::string::npos);
  CHECK(write(needed) == size);
  CHECK(buffer.find_first_not_of('#', needed) == std::string::npos);
}

TEST_CASE("numbers that are no limit's are refused") {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  const rategate_decision good = allowed(1, 1);
  for (const std::int64_t period_ms : {-1000LL, 9LL, kLongestWindow + 1LL}) {
    CHECK(written(good, period_ms) == kWrong);
  }
  CHECK(written(good, kLongest + 1, 1) == kWrong);
  for (const std::int64_t burst : {-1LL, RATEGATE_MAX_COST + 1LL}) {
    CHECK(written(good, kMinute, burst) == kWrong);
  }
  for (const std::int64_t limit : {-1LL, 0LL, RATEGATE_MAX_COST + 1LL}) {
    rategate_decision bad = good;
    bad.limit = limit;
    CHECK(written(bad, kMinute) == kWrong);
  }
  for (const rategate_decision& bad :
       {allowed(-2, 1), allowed(1, -1), allowed(1'000'000'000'000'000, 1), allowed(1, kHuge),
        denied(0, -2, 1), denied(0, kHuge, 1), denied(0, 1, kHuge)}) {
    CHECK(written(bad, kMinute) == kWrong);
  }
  char buffer[RATEGATE_MAX_HTTP_FIELDS];
  CHECK(rategate_http_fields(nullptr, 1000, 0, &good, buffer, sizeof buffer) == -EINVAL);
  CHECK(rategate_http_fields("api", 1000, 0, nullptr, buffer, sizeof buffer) == -EINVAL);
  CHECK(rategate_http_fields("api", 1000, 0, &good, nullptr, sizeof buffer) == -EINVAL);
}

TEST_CASE("in C++ the fields are names and values") {
  using rategate::HttpFields;
  using rategate::milliseconds;
  rategate::Decision decision;
  decision.limit = 100;
  decision.retry_after = milliseconds(1);
  decision.reset_after = milliseconds(60'000);
  CHECK(rategate::http_fields(decision, "api", milliseconds(kMinute), 20) ==
        HttpFields{{"RateLimit-Policy", R"("api";q=20;w=12)"},
                   {"RateLimit", R"("api";r=0;t=1)"},
                   {"X-RateLimit-Limit", "20"},
                   {"X-RateLimit-Remaining", "0"},
                   {"X-RateLimit-Reset", "60"},
                   {"Retry-After", "1"}});
  decision.allowed = true;
  decision.remaining = -1;
  CHECK(rategate::http_fields(decision, "api", milliseconds(0)) ==
        HttpFields{{"RateLimit-Policy", R"("api";q=100)"}, {"X-RateLimit-Limit", "100"}});
  for (const std::string_view name : {std::string_view("a\"b"), std::string_view("a\0b", 3)}) {
    CHECK_THROWS_AS(rategate::http_fields(decision, name, milliseconds(0)), std::invalid_argument);
  }
  CHECK_THROWS_AS(rategate::http_fields(decision, "api", milliseconds(9)), std::invalid_argument);
}
