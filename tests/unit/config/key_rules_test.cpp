// Rules for keys in a configuration, and the limit of names that have none.
#include <string>
#include <vector>

#include "daemon/config/loader.hpp"
#include "daemon/config/print.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

const std::string kApi = "store = \"memory\"\n[limits.api]\nlimit = \"100/s\"\n";

std::vector<std::string> faults_of(const std::string& text) {
  std::vector<std::string> texts;
  for (const Fault& fault : load_config_text(text, "f").faults) texts.push_back(to_text(fault));
  return texts;
}

Limit limit_of(const std::string& text) {
  const ConfigLoad load = load_config_text(text, "f");
  for (const Fault& fault : load.faults) UNSCOPED_INFO(to_text(fault));
  REQUIRE(load);
  REQUIRE(load.config.live.limits.size() == 1);
  return load.config.live.limits[0];
}

std::string rule_fault(const std::string& rule, const std::string& more = "") {
  const auto faults = faults_of(kApi + more + "[limits.api.keys]\n" + rule + "\n");
  REQUIRE(faults.size() == 1);
  const std::string& text = faults[0];
  return text.substr(text.find(": ") + 2);
}

}  // namespace

TEST_CASE("rules for keys are read in the order of the file") {
  const Limit limit = limit_of(kApi +
                               "[limits.api.keys]\n\"z*\" = \"1000/s\"\n\"bot-*\" = \"blocked\"\n"
                               "alice = \"7/1000ms\"\n\"10.*\" = \"unlimited\"\n");
  REQUIRE(limit.key_rules != nullptr);
  const std::vector<KeyRule>& rules = limit.key_rules->all();
  REQUIRE(rules.size() == 4);
  CHECK((rules[0].pattern == "z*" && rules[0].permits == 1000 && !rules[0].burst));
  CHECK((rules[1].pattern == "bot-*" && rules[1].kind == KeyRuleKind::Blocked));
  CHECK((rules[2].pattern == "alice" && rules[2].permits == 7));
  CHECK((rules[3].pattern == "10.*" && rules[3].kind == KeyRuleKind::Unlimited));
  CHECK(limit_of(kApi).key_rules == nullptr);
  CHECK(limit_of(kApi + "[limits.api.keys]\n").key_rules == nullptr);
}

TEST_CASE("a bucket's rule has the limit's burst, where there is one, or its own number") {
  const std::string bucket = kApi + "algorithm = \"gcra\"\n";
  const std::string rules = "[limits.api.keys]\na = \"7/s\"\nb = { limit = \"7/s\", burst = 70 }\n";
  const Limit own = limit_of(bucket + rules);
  CHECK(own.key_rules->all()[0].burst == 7);
  CHECK(own.key_rules->all()[1].burst == 70);
  CHECK(limit_of(bucket + "burst = 20\n" + rules).key_rules->all()[0].burst == 20);
}

TEST_CASE("keys that are addresses have rules for the networks that are counted") {
  const Limit limit = limit_of(kApi +
                               "key = \"ip\"\nipv4_prefix = 24\n[limits.api.keys]\n"
                               "\"192.0.2.77\" = \"1/s\"\n\"2001:0DB8::5\" = \"2/s\"\n"
                               "\"2001:db9::/64\" = \"3/s\"\n\"198.51.*\" = \"blocked\"\n");
  const std::vector<KeyRule>& rules = limit.key_rules->all();
  CHECK(rules[0].pattern == "192.0.2.0/24");
  CHECK(rules[1].pattern == "2001:db8::/64");
  CHECK(rules[2].pattern == "2001:db9::/64");
  CHECK(limit.key_rules->find("198.51.100.0/24") == 3);
  const std::string ip = "key = \"ip\"\n";
  CHECK(rule_fault("alice = \"1/s\"", ip) ==
        "rule for the key 'alice' of limit 'api': expected an IP address, or a pattern of such");
  CHECK(rule_fault("\"2001:db8::1/64\" = \"1/s\"", ip) ==
        "rule for the key '2001:db8::1/64' of limit 'api': expected the network as it is counted, "
        "2001:db8::/64");
  CHECK(rule_fault("\"bot-*\" = \"1/s\"", ip) ==
        "rule for the key 'bot-*' of limit 'api': expected a pattern of addresses as they are "
        "counted, such as 10.* or 2001:db8:*");
  CHECK(rule_fault("\"2001:db8::1\" = \"1/s\"\n\"2001:db8::2\" = \"1/s\"", ip) ==
        "rule for the key '2001:db8::2' of limit 'api': there is one for it already, at line 6");
}

TEST_CASE("rules for keys that are wrong") {
  const std::string of_a = "rule for the key 'a' of limit 'api': ";
  const std::string expected =
      "expected a rate in quotes, such as \"1000/s\", \"blocked\", \"unlimited\", or a table with "
      "limit and burst";
  CHECK(rule_fault("a = 5") == of_a + expected);
  CHECK(rule_fault("a = \"banned\"") == of_a + expected);
  CHECK(rule_fault("a = \"0/s\"") ==
        of_a + "before the slash expected a whole number from 1 to 1000000000");
  CHECK(rule_fault("a = \"5/min\"") ==
        of_a +
            "expected the limit's own period, as in \"5/1s\": a rule changes the number of "
            "permits alone");
  CHECK(rule_fault("a = { burst = 5 }", "algorithm = \"gcra\"\n") ==
        of_a + "expected a limit in it, a rate in quotes such as \"1000/s\"");
  CHECK(rule_fault("a = { limit = \"5/s\", burst = 5 }") ==
        of_a + "burst: expected it only with algorithm = \"gcra\"");
  CHECK(rule_fault("a = { limit = \"5/s\", burst = 0 }", "algorithm = \"gcra\"\n") ==
        of_a + "burst: expected a whole number from 1 to 1000000000");
  CHECK(rule_fault("a = { limit = \"5/s\", period = 5 }") ==
        of_a + "unknown setting 'period'; expected limit and burst");
  CHECK(rule_fault("\"\" = \"5/s\"") ==
        "rule for the key '' of limit 'api': expected a key or a pattern of 1 to 512 bytes");
  CHECK(rule_fault("\"a**\" = \"5/s\"") ==
        "rule for the key 'a**' of limit 'api': expected no two * side by side, as one stands for "
        "any bytes");
  CHECK(
      faults_of(kApi + "keys = 5\n") ==
      std::vector<std::string>{"f:4:8: keys of limit 'api': expected a table, [limits.api.keys]"});
  CHECK(
      faults_of(kApi + "redis_key = \"x:%w\"\n[limits.api.keys]\na = \"5/s\"\n") ==
      std::vector<std::string>{"f:5:13: keys of limit 'api': expected %k in its redis_key, as all "
                               "keys are one counter without it"});
  CHECK(faults_of("store = \"memory\"\n[limits.api]\nlimit = \"100/31d\"\nalgorithm = \"gcra\"\n"
                  "[limits.api.keys]\na = { limit = \"1/31d\", burst = 106 }\n") ==
        std::vector<std::string>{"f:6:5: rule for the key 'a' of limit 'api': a bucket of 106 "
                                 "permits at 1/31d takes more than 3257d to fill; expected a "
                                 "smaller burst, or a higher rate"});
  CHECK(
      faults_of("[cluster]\naddresses = [\"a:1\"]\n[limits.api]\nlimit = \"100/s\"\nspread = 4\n"
                "[limits.api.keys]\na = \"3/s\"\n") ==
      std::vector<std::string>{"f:7:5: rule for the key 'a' of limit 'api': expected a permit at "
                               "least for each of the 4 counters over which the limit is spread"});
  // TOML itself has no key twice.
  CHECK(faults_of(kApi + "[limits.api.keys]\na = \"5/s\"\na = \"6/s\"\n").size() == 1);
}

TEST_CASE("shadow and near of a limit") {
  const Limit limit = limit_of(kApi + "shadow = true\nnear = 0.95\n");
  CHECK((limit.shadow && limit.near_ppm == 950'000));
  CHECK(limit_of(kApi + "near = 1\n").near_ppm == kWholePpm);
  CHECK((!limit_of(kApi).shadow && limit_of(kApi).near_ppm == 800'000));
  for (const std::string near : {"0", "0.0001", "1.01", "-0.5", "nan", "inf", "\"0.5\"", "2"}) {
    CHECK(
        faults_of(kApi + "near = " + near + "\n") ==
        std::vector<std::string>{"f:4:8: near of limit 'api': expected a number from 0.001 to 1"});
  }
  CHECK(faults_of(kApi + "shadow = 1\n") ==
        std::vector<std::string>{"f:4:10: shadow of limit 'api': expected true or false"});
}

TEST_CASE("the limit of all names that have none has to tell them apart") {
  const std::string memory = "store = \"memory\"\n";
  CHECK(limit_of(memory + "[limits]\n\"*\" = \"5/s\"\n").name == "*");
  CHECK(limit_of(memory + "[limits.\"*\"]\nlimit = \"5/s\"\nredis_key = \"x:%n:%w\"\n").name ==
        "*");
  CHECK(faults_of(memory + "[limits.\"*\"]\nlimit = \"5/s\"\nredis_key = \"x:%k:%w\"\n") ==
        std::vector<std::string>{"f:4:13: redis_key of limit '*': expected %n in it: each name "
                                 "that has no limit is counted by itself"});
  CHECK(faults_of(memory + "[limits]\n\"a*\" = \"5/s\"\n").size() == 1);
}

TEST_CASE("rules for keys are printed as they can be read again") {
  const Limit limit = limit_of(
      "store = \"memory\"\n[limits.\"*\"]\nlimit = \"100/min\"\nalgorithm = \"gcra\"\n"
      "shadow = true\nnear = 0.125\n[limits.\"*\".keys]\n\"a \\\"b\\\"*\" = \"5/min\"\n"
      "c = { limit = \"6/min\", burst = 60 }\nd = \"blocked\"\n\"*\" = \"unlimited\"\n");
  Config config;
  config.fixed.store = StoreKind::Memory;
  config.live.limits = {limit};
  const std::string printed = print_config(config);
  INFO(printed);
  CHECK(printed.find("near = 0.125\nblock_for = \"0s\"\n[limits.\"*\".keys]\n"
                     "\"a \\\"b\\\"*\" = { limit = \"5/1m\", burst = 5 }\n") != std::string::npos);
  CHECK(same_limit(limit, limit_of(printed)));
}
