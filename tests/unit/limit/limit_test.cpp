#include "daemon/limit/limit.hpp"

#include <map>
#include <random>
#include <string>

#include "daemon/base/duration.hpp"
#include "daemon/limit/counter_names.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

std::string name_of(const KeyTemplate& text, std::string_view limit, std::string_view key,
                    std::int64_t period_ms, std::int64_t window_start_ms) {
  return CounterNames(text, limit, period_ms).of(key, window_start_ms);
}

}  // namespace

TEST_CASE("durations are a whole number and a unit") {
  struct Row {
    const char* text;
    std::int64_t ms;
  };
  for (const Row& row :
       {Row{"0s", 0}, Row{"250ms", 250}, Row{"1s", 1000}, Row{"second", 1000}, Row{"90sec", 90'000},
        Row{"5min", 300'000}, Row{"5m", 300'000}, Row{"2hours", 7'200'000}, Row{"1d", 86'400'000},
        Row{"day", 86'400'000}, Row{"9223372036854775807ms", INT64_MAX}}) {
    INFO(row.text);
    const auto parsed = parse_duration_ms(row.text);
    REQUIRE(parsed);
    CHECK(*parsed == row.ms);
  }
  for (const char* text : {"", "5", "s5", "1 s", " 1s", "1s ", "-1s", "+1s", "1.5s", "1S", "1xs",
                           "9223372036854775807s", "99999999999999999999ms", "1s1s"}) {
    INFO(text);
    CHECK_FALSE(parse_duration_ms(text));
  }
}

TEST_CASE("a duration has one canonical form, which is read back as itself") {
  CHECK(format_duration(1000) == "1s");
  CHECK(format_duration(1500) == "1500ms");
  CHECK(format_duration(60'000) == "1m");
  CHECK(format_duration(90'000) == "90s");
  CHECK(format_duration(86'400'000) == "1d");
  CHECK(format_duration(0) == "0s");
  std::mt19937_64 random(7);
  for (int i = 0; i < 10'000; ++i) {
    const auto ms = static_cast<std::int64_t>(random() % (1ULL << (i % 50)));
    CHECK(*parse_duration_ms(format_duration(ms)) == ms);
  }
}

TEST_CASE("rates") {
  for (const char* text : {"100/second", "100/s", "100/1s", "100/1000ms", "100/sec"}) {
    INFO(text);
    const auto rate = parse_rate(text);
    REQUIRE(rate);
    CHECK(rate->permits == 100);
    CHECK(rate->period_ms == 1000);
    CHECK(format_rate(*rate) == "100/1s");
  }
  CHECK(parse_rate("1/10ms")->period_ms == 10);
  CHECK(parse_rate("1000000000/31d")->permits == 1'000'000'000);
  for (const char* text : {"", "100", "/s", "100/", "0/s", "-1/s", "1000000001/s", "1/9ms", "1/0s",
                           "1/32d", "1/s/s", "1 /s", "1.5/s", "x/s", "1/fortnight"}) {
    INFO(text);
    CHECK_FALSE(parse_rate(text));
  }
}

TEST_CASE("names of limits") {
  for (const char* name : {"a", "api", "rate-limit", "a.b/c@d_e-1"}) CHECK(valid_name(name));
  CHECK(valid_name(std::string(64, 'x')));
  CHECK_FALSE(valid_name(std::string(65, 'x')));
  for (const char* name : {"", "a b", "a:b", "a%b", "{a}", "a\n", "ä"})
    CHECK_FALSE(valid_name(name));
}

TEST_CASE("templates that could let two counters meet are refused") {
  for (const char* text : {"rate-limit:%w", "rategate:{%n:%k}:%p:%w", "%n/%k/%w", "%%%w", "%w",
                           "a%n%%:%w", "x", "%n"}) {
    INFO(text);
    CHECK(KeyTemplate::parse(text));
  }
  for (const char* text : {"", "%n%w", "%n%k:%w", "%nx%k:%w", "%n-%w", "%", "%w%", "%x:%w",
                           "a%n%%%w", "a b%w", "a\n%w"}) {
    INFO(text);
    CHECK_FALSE(KeyTemplate::parse(text));
  }
}

TEST_CASE("counter names") {
  const auto standard = KeyTemplate::parse(kDefaultRedisKey);
  CHECK(name_of(*standard, "api", "", 1000, 1'700'000'000'000) == "rategate:{api:}:1s:1700000000");
  CHECK(name_of(*standard, "api", "a:b%c", 250, 1'700'000'000'250) ==
        "rategate:{api:a%3Ab%25c}:250ms:1700000000250");
  CHECK(name_of(*standard, "api", std::string("\0\xff", 2), 60'000, 60'000) ==
        "rategate:{api:%00%FF}:1m:60");
  CHECK(name_of(*KeyTemplate::parse(kRecipeRedisKey), "rate-limit", "k", 1000, 5000) ==
        "rate-limit:5");
  // What the name's bytes are written as is no placeholder of the template.
  CHECK(name_of(*KeyTemplate::parse("100%%:%n:%w:%k"), "a%kw", "%w", 1000, 5000) ==
        "100%:a%25kw:5:%25w");
}

TEST_CASE("no two (name, key) of a template get one counter") {
  // Short strings over bytes that matter to the escaping: collisions would show soon.
  const std::string alphabet = "a:%{}-x\n3A";
  std::mt19937 random(11);
  const auto word = [&](std::size_t most) {
    std::string text;
    for (auto n = random() % (most + 1); n > 0; --n) text += alphabet[random() % alphabet.size()];
    return text;
  };
  for (const char* text : {"rategate:{%n:%k}:%p:%w", "%n/%k/%w", "x%n-:%kx:%w", "%n%%:%k:%w"}) {
    const auto key_template = KeyTemplate::parse(text);
    REQUIRE(key_template);
    std::map<std::string, std::pair<std::string, std::string>> seen;
    for (int i = 0; i < 50'000; ++i) {
      const std::pair<std::string, std::string> subject{word(4), word(4)};
      const auto counter = name_of(*key_template, subject.first, subject.second, 1000, 0);
      const auto [at, fresh] = seen.emplace(counter, subject);
      if (!fresh) REQUIRE(at->second == subject);
    }
  }
}

TEST_CASE("the recipe's name, per second and without a key, is the recipe's counter") {
  CHECK(declared_limit("rate-limit", {100, 1000}, false).redis_key.text() == "rate-limit:%w");
  CHECK(declared_limit("rate-limit", {100, 1000}, true).redis_key.text() == kDefaultRedisKey);
  CHECK(declared_limit("rate-limit", {100, 2000}, false).redis_key.text() == kDefaultRedisKey);
  CHECK(declared_limit("api", {100, 1000}, false).redis_key.text() == kDefaultRedisKey);
}
