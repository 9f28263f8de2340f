// Limits of concurrency that are wrong, and other settings with ranges, by the very words.
#include <string>
#include <vector>

#include "daemon/config/limits.hpp"
#include "daemon/config/loader.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

using Texts = std::vector<std::string>;

Texts faults_of(const std::string& text) {
  Texts texts;
  for (const Fault& fault : load_config_text(text, "f").faults) texts.push_back(to_text(fault));
  return texts;
}

const std::string kMemory = "store = \"memory\"\n";

// Of a limit of concurrency, from its fourth line on.
Texts of_entered(const std::string& more, const std::string& limit = "limit = 9\n") {
  return faults_of(kMemory + "[limits.a]\nalgorithm = \"concurrency\"\n" + limit + more);
}

}  // namespace

TEST_CASE("a limit of concurrency is a number") {
  CHECK(of_entered("").empty());
  CHECK(of_entered("", "limit = 1000000000\n").empty());
  for (const std::string wrong : {"0", "-1", "1000000001", "1.5", "\"9/s\"", "[9]", "true"}) {
    CHECK(of_entered("", "limit = " + wrong + "\n") ==
          Texts{"f:4:9: limit of limit 'a': expected a whole number from 1 to 1000000000: of "
                "concurrency it has no period"});
  }
  CHECK(of_entered("", "") == Texts{"f:2:9: limit 'a' has no limit: expected limit = how many may "
                                    "be at work at the same time"});
}

TEST_CASE("a limit of concurrency has nothing that is of permits and periods") {
  const char* const others[] = {"period = \"1s\"",
                                "timezone = \"UTC\"",
                                "week_starts = \"monday\"",
                                "burst = 5",
                                "spread = 2",
                                "parent = \"b\"",
                                "parent_key = \"none\"",
                                "mode = \"lease\"",
                                "share = \"1/2\"",
                                "on_store_lost = \"count\"",
                                "settle = \"store\"",
                                "settle_within = \"1min\"",
                                "shadow = true",
                                "near = 0.5",
                                "keys = { k = \"1/s\" }",
                                "block_for = \"1min\""};
  for (const std::string line : others) {
    const std::string name = line.substr(0, line.find(' '));
    INFO(line);
    const std::string place = "f:5:" + std::to_string(name.size() + 4) + ": ";
    CHECK(of_entered(line + "\n") ==
          Texts{place + name + " of limit 'a': a limit of concurrency has none"});
  }
}

TEST_CASE("how long a hold is good") {
  for (const std::string right : {"1s", "1h", "1500ms"}) {
    CHECK(of_entered("hold_ttl = \"" + right + "\"\n").empty());
  }
  for (const std::string wrong : {"\"999ms\"", "\"61min\"", "\"x\"", "5"}) {
    CHECK(of_entered("hold_ttl = " + wrong + "\n") ==
          Texts{"f:5:12: hold_ttl of limit 'a': expected a duration such as \"250ms\", from 1s to "
                "1h"});
  }
  const std::string window = kMemory + "[limits.a]\nlimit = \"9/s\"\nhold_ttl = ";
  CHECK(faults_of(window + "\"10s\"\n").empty());  // as the sample says it of any
  for (const std::string wrong : {"\"11s\"", "\"x\"", "10"}) {
    CHECK(faults_of(window + wrong + "\n") ==
          Texts{"f:4:12: hold_ttl of limit 'a': expected it only with algorithm = "
                "\"concurrency\""});
  }
}

TEST_CASE("the key, and the policy, of a limit of concurrency") {
  CHECK(
      of_entered("redis_key = \"x:{%n:%k}:%w\"\n") ==
      Texts{"f:5:13: redis_key of limit 'a': expected no %w in it: what is held is of no window"});
  for (const std::string right : {"deny", "allow", "error"}) {
    CHECK(of_entered("on_store_down = \"" + right + "\"\n").empty());
  }
  CHECK(of_entered("on_store_down = \"share\"\n") ==
        Texts{"f:5:17: on_store_down of limit 'a': expected \"deny\", \"allow\" or \"error\" of a "
              "limit of concurrency"});
}

TEST_CASE("a limit of concurrency is above no other, and takes no rate on the command line") {
  CHECK(of_entered("[limits.b]\nlimit = \"5/s\"\nparent = \"a\"\n") ==
        Texts{"f:5:9: limit 'b': parent = \"a\": expected a limit that is no limit of "
              "concurrency"});
  Limit limit;
  limit.name = "work";
  limit.algorithm = &kConcurrency;
  PlacedLimits limits;
  limits.emplace("work", PlacedLimit{limit, {"f", 1, 1, ""}});
  const auto fault = add_limit_option("work=5/s", limits);
  REQUIRE(fault);
  CHECK(fault->text == "limit 'work' is one of concurrency, and has no rate");
}

TEST_CASE("the ranges of what is given back, and of who waits") {
  const std::string window = kMemory + "[limits.a]\nlimit = \"9/s\"\n";
  CHECK(faults_of(window + "settle = \"back\"\n") ==
        Texts{"f:4:10: settle of limit 'a': expected host, store or off"});
  CHECK(faults_of(window + "settle = true\n") ==
        Texts{"f:4:10: settle of limit 'a': expected \"host\", \"store\" or \"off\", in quotes"});
  const std::string store = window + "settle = \"store\"\n";
  CHECK(faults_of(store + "settle_within = \"1s\"\n").empty());
  CHECK(faults_of(store + "settle_within = \"1d\"\n").empty());
  for (const std::string wrong : {"\"999ms\"", "\"25h\"", "60"}) {
    CHECK(faults_of(store + "settle_within = " + wrong + "\n") ==
          Texts{"f:5:17: settle_within of limit 'a': expected a duration such as \"250ms\", from "
                "1s to 1d"});
  }
  for (const std::string name : {"max_parked", "max_parked_per_key"}) {
    const std::string head = kMemory + "[server]\n" + name + " = ";
    CHECK(faults_of(head + "1\n").empty());
    CHECK(faults_of(head + "1000000\n").empty());
    for (const std::string wrong : {"0", "1000001", "\"5\""}) {
      CHECK(faults_of(head + wrong + "\n") ==
            Texts{"f:3:" + std::to_string(name.size() + 4) + ": " + name +
                  " in [server]: expected a whole number from 1 to 1000000"});
    }
  }
}
