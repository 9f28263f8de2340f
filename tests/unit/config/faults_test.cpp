// Wrong configurations, and the very words that say where and what was expected.
#include <string>
#include <vector>

#include "daemon/config/loader.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

std::vector<std::string> faults_of(const std::string& text) {
  std::vector<std::string> texts;
  for (const Fault& fault : load_config_text(text, "f").faults) texts.push_back(to_text(fault));
  return texts;
}

struct Case {
  std::string text;
  std::vector<std::string> faults;
};

const std::string kMemory = "store = \"memory\"\n";
const std::string kHost = "f:2:8: host in [redis]: expected the name or the address of a host";
const std::string kCommand =
    "f:2:20: password_command in [redis]: expected an array of texts, the first of them the "
    "absolute "
    "path of a program";
const std::string kNoStore =
    "f: no store is chosen: expected a [redis], [sentinel] or [cluster] section or store = "
    "\"memory\" in the "
    "file, "
    "REDIS_HOST in the environment, or --redis or --memory on the command line";

}  // namespace

TEST_CASE("what is right has no faults") {
  CHECK(faults_of(kMemory).empty());
  CHECK(faults_of("[redis]\n").empty());
  CHECK(faults_of("store = \"redis\"\n").empty());
  for (const std::string host : {"::1", "fe80::1%eth0", "10.0.0.1", "redis-1.db_2.example."}) {
    CHECK(faults_of("store = \"redis\"\n[redis]\nhost = \"" + host + "\"\n").empty());
  }
  for (const std::string group : {"33", "\"33\"", "\"www-data\"", "\"\""}) {
    CHECK(faults_of(kMemory + "[server]\nsocket_group = " + group + "\nshm_users = " + group +
                    "\nshm_groups = " + group + "\n")
              .empty());
  }
  CHECK(faults_of(kMemory + "[server]\nshm_users = \"www-data,33\"\n").empty());
  CHECK(faults_of("\xef\xbb\xbf" + kMemory).empty());
  CHECK(faults_of(kMemory + "[limits]\n\"a.b/c@d-e_f\" = \"1/s\"\n").empty());
  CHECK(faults_of(kMemory + "[server]\nsocket_mode = \"600\"\nidle_timeout = \"5min\"\n").empty());
}

TEST_CASE("a store must be chosen, and one only") {
  CHECK(faults_of("") == std::vector{kNoStore});
  CHECK(faults_of("[limits]\napi = \"1/s\"\n") == std::vector{kNoStore});
  CHECK(faults_of(kMemory + "[redis]\nhost = \"a\"\n") ==
        std::vector<std::string>{
            "f:2:2: [redis] contradicts store = \"memory\" (f:1:1): expected one of them"});
  CHECK(faults_of("store = \"rediss\"\n") ==
        std::vector<std::string>{
            "f:1:9: store: expected \"redis\" or \"memory\"; did you mean \"redis\"?"});
  CHECK(faults_of("store = true\n") ==
        std::vector<std::string>{"f:1:9: store: expected \"redis\" or \"memory\""});
}

TEST_CASE("one fault each") {
  const Case cases[] = {
      // Names.
      {"[server]\nsokcet = \"/a\"\n",
       {"f:3:1: unknown setting 'sokcet' in [server]; did you mean 'socket'?"}},
      {"[sever]\nsocket = \"/a\"\n", {"f:2:2: unknown section [sever]; did you mean 'server'?"}},
      {"[xyzzy]\na = 1\n", {"f:2:2: unknown section [xyzzy]"}},
      {"[server]\nxyzzy = 1\n", {"f:3:1: unknown setting 'xyzzy' in [server]"}},
      {"[server]\nbackoff_min = \"1s\"\n",
       {"f:3:1: unknown setting 'backoff_min' in [server]; there is backoff_min in [redis]"}},
      {"max_clients = 5\n",
       {"f:2:1: unknown setting 'max_clients'; there is max_clients in [server]"}},
      {"server = 5\n", {"f:2:10: server: expected a table, [server]"}},
      {"limits = 5\n", {"f:2:10: limits: expected a table, [limits]"}},
      {"[[limits]]\na = \"1/s\"\n", {"f:2:1: limits: expected a table, [limits]"}},
      {"\"\" = 5\n", {"f:2:1: unknown setting ''"}},
      {"\"a\\u001b[31m\\n\" = 5\n", {"f:2:1: unknown setting 'a\\x1b[31m\\n'"}},

      // Whole numbers.
      {"[server]\nmax_clients = 0\n",
       {"f:3:15: max_clients in [server]: expected a whole number from 1 to 1000000"}},
      {"[server]\nmax_clients = 1000001\n",
       {"f:3:15: max_clients in [server]: expected a whole number from 1 to 1000000"}},
      {"[server]\nmax_clients = \"5\"\n",
       {"f:3:15: max_clients in [server]: expected a whole number from 1 to 1000000"}},
      {"[server]\nmax_clients = 5.0\n",
       {"f:3:15: max_clients in [server]: expected a whole number from 1 to 1000000"}},
      {"[server]\nmax_clients = [5]\n",
       {"f:3:15: max_clients in [server]: expected a whole number from 1 to 1000000"}},
      {"[server]\nmax_request = 512\n",
       {"f:3:15: max_request in [server]: expected a whole number of bytes from 1024 to 1048576"}},
      {"[clock]\nmax_drift = -1\n",
       {"f:3:13: max_drift in [clock]: expected a whole number of ppm from 1 to 100000"}},

      // Durations.
      {"[server]\nidle_timeout = 250\n",
       {"f:3:16: idle_timeout in [server]: expected a duration such as \"250ms\", from "
        "0s to 30d; 250 has no unit"}},
      {"[server]\nidle_timeout = \"250\"\n",
       {"f:3:16: idle_timeout in [server]: expected a duration such as \"250ms\", from "
        "0s to 30d"}},
      {"[server]\nidle_timeout = \"1.5s\"\n",
       {"f:3:16: idle_timeout in [server]: expected a duration such as \"250ms\", from "
        "0s to 30d"}},
      {"[server]\nidle_timeout = \"-1s\"\n",
       {"f:3:16: idle_timeout in [server]: expected a duration such as \"250ms\", from "
        "0s to 30d"}},
      {"[server]\nidle_timeout = \"31d\"\n",
       {"f:3:16: idle_timeout in [server]: expected a duration such as \"250ms\", from "
        "0s to 30d"}},
      {"[clock]\nmax_error = \"2s\"\n",
       {"f:3:13: max_error in [clock]: expected a duration such as \"250ms\", from 1ms "
        "to 1s"}},
      {"[clock]\nmax_error = 2020-01-01\n",
       {"f:3:13: max_error in [clock]: expected a duration such as \"250ms\", from 1ms "
        "to 1s"}},

      // Others.
      {"[server]\ndeclared_limits = \"yes\"\n",
       {"f:3:19: declared_limits in [server]: expected true or false"}},
      {"[server]\ndeclared_limits = 1\n",
       {"f:3:19: declared_limits in [server]: expected true or false"}},
      {"[server]\nsocket_mode = 660\n",
       {"f:3:15: socket_mode in [server]: expected an octal file mode such as "
        "\"0660\""}},
      {"[server]\nsocket_mode = \"0680\"\n",
       {"f:3:15: socket_mode in [server]: expected an octal file mode such as "
        "\"0660\""}},
      {"[server]\nsocket_mode = \"4755\"\n",
       {"f:3:15: socket_mode in [server]: expected an octal file mode such as "
        "\"0660\""}},
      {"[server]\nsocket = \"\"\n",
       {"f:3:10: socket in [server]: expected a path of at most 107 bytes"}},
      {"[server]\nsocket = \"/" + std::string(107, 'a') + "\"\n",
       {"f:3:10: socket in [server]: expected a path of at most 107 bytes"}},
      {"[server]\nsocket = \"/a\\nb\"\n",
       {"f:3:10: socket in [server]: expected a path of at most 107 bytes"}},
      {"[server]\nsocket = \"unix:///run/a\"\n",
       {"f:3:10: socket in [server]: expected a path of at most 107 bytes; it is not a URL"}},
      {"[server]\nsocket_group = -1\n",
       {"f:3:16: socket_group in [server]: expected a name, in quotes, or a number"}},
      {"[server]\nsocket_group = \"a,b\"\n",
       {"f:3:16: socket_group in [server]: expected a name, in quotes, or a number"}},
      {"[server]\nshm_users = \"a, b\"\n",
       {"f:3:13: shm_users in [server]: expected names or numbers, separated by commas"}},
      {"[server]\nshm_users = \"a,,b\"\n",
       {"f:3:13: shm_users in [server]: expected names or numbers, separated by commas"}},
      {"[server]\nshm_groups = \"a,\"\n",
       {"f:3:14: shm_groups in [server]: expected names or numbers, separated by commas"}},
      {"[log]\nlevel = \"warn\"\n",
       {"f:3:9: level in [log]: expected \"debug\", \"info\", \"warning\" or \"error\""}},
      {"[log]\nlevel = \"wraning\"\n",
       {"f:3:9: level in [log]: expected \"debug\", \"info\", \"warning\" or \"error\"; did you "
        "mean \"warning\"?"}},
      {"[log]\ntarget = \"jurnal\"\n",
       {"f:3:10: target in [log]: expected \"auto\", \"stderr\", \"journal\" or \"file:\" and an "
        "absolute "
        "path; did you mean \"journal\"?"}},
      {"[log]\ntarget = \"file:x.log\"\n",
       {"f:3:10: target in [log]: expected \"auto\", \"stderr\", \"journal\" or \"file:\" and an "
        "absolute "
        "path"}},
      {"[log]\nformat = \"xml\"\n", {"f:3:10: format in [log]: expected \"text\" or \"json\""}},

      // Limits.
      {"[limits]\napi = 100\n",
       {"f:3:7: limit 'api': expected a rate in quotes, such as \"100/second\", a list of "
        "rates, or a table with limit and period"}},
      {"[limits]\napi = \"100\"\n",
       {"f:3:7: limit 'api': expected permits per period, such as 100/second, 5/10s or 1000/min"}},
      {"[limits]\napi = \"0/s\"\n",
       {"f:3:7: limit 'api': before the slash expected a whole number from 1 to 1000000000"}},
      {"[limits]\napi = \"5/fortnight\"\n",
       {"f:3:7: limit 'api': after the slash expected a whole number and a unit (ms, s, min, h, "
        "d), such as 250ms or 1s, or a week, month or year"}},
      {"[limits]\napi = \"5/32d\"\n",
       {"f:3:7: limit 'api': after the slash expected a period from 10ms to 31d, or a week, month "
        "or year"}},
      {"[limits]\napi = \"5/3months\"\n",
       {"f:3:7: limit 'api': after the slash expected one month: no other number of them is a "
        "period"}},
      {"[limits]\n\"a b\" = \"1/s\"\n",
       {"f:3:1: expected a limit's name to be 1 to 64 letters, digits and _ - . / @"}},
      {"[limits]\n\"\" = \"1/s\"\n",
       {"f:3:1: expected a limit's name to be 1 to 64 letters, digits and _ - . / @"}},
      {"[limits.api]\nperiod = \"1s\"\n",
       {"f:2:9: limit 'api' has no limit: expected limit = permits and period = duration, or "
        "limit = \"100/second\""}},
      {"[limits.api]\nlimit = 5\n",
       {"f:2:9: limit 'api' has no period: expected a duration such as \"250ms\", from "
        "10ms to 31d, or \"day\", \"week\", \"month\" or \"year\""}},
      {"[limits.api]\nlimit = \"5/s\"\nperiod = \"1s\"\n",
       {"f:4:1: period of limit 'api' is said twice: its limit has one already"}},
      {"[limits.api]\nlimit = 0\nperiod = \"1s\"\n",
       {"f:3:9: limit of limit 'api': expected a whole number from 1 to 1000000000"}},
      {"[limits.api]\nlimit = \"x\"\n",
       {"f:3:9: limit of limit 'api': expected permits per period, such as 100/second, 5/10s or "
        "1000/min"}},
      {"[limits.api]\nlimit = 5\nperiod = 1\n",
       {"f:4:10: period of limit 'api': expected a duration such as \"250ms\", from "
        "10ms to 31d, or \"day\", \"week\", \"month\" or \"year\"; 1 has no unit"}},
      {"[limits.api]\nlimit = 5\nperiod = \"1ms\"\n",
       {"f:4:10: period of limit 'api': expected a duration such as \"250ms\", from "
        "10ms to 31d, or \"day\", \"week\", \"month\" or \"year\""}},
      {"[limits.api]\nlimit = \"5/s\"\nperod = \"1s\"\n",
       {"f:4:1: unknown setting 'perod' of limit 'api'; did you mean 'period'?"}},
      {"[limits.api.v2]\nlimit = \"5/s\"\n",
       {"f:2:9: limit 'api' has no limit: expected limit = permits and period = duration, or "
        "limit = \"100/second\"",
        "f:2:13: unknown setting 'v2' of limit 'api'; a limit's name with a dot in it is put in "
        "quotes: [limits.\"api.v2\"]"}},
      {"[limits.api]\nlimit = \"5/s\"\nmode = \"leases\"\n",
       {"f:4:8: mode of limit 'api': expected auto, lease or exact"}},
      {"[limits.api]\nlimit = \"5/s\"\nmode = 1\n",
       {"f:4:8: mode of limit 'api': expected \"auto\", \"lease\" or \"exact\", in quotes"}},
      {"[limits.api]\nlimit = \"5/s\"\non_store_down = \"open\"\n",
       {"f:4:17: on_store_down of limit 'api': expected deny, allow, error or share"}},
      {"[limits.api]\nlimit = \"5/s\"\nshare = \"2/1\"\n",
       {"f:4:9: share of limit 'api': expected auto, or a part such as 1/8, up to 1/1"}},
      {"[limits.api]\nlimit = \"5/s\"\non_store_lost = \"allow\"\n",
       {"f:4:17: on_store_lost of limit 'api': expected deny or count"}},
      {"[limits.api]\nlimit = \"5/s\"\nredis_key = \"x\"\n",
       {"f:4:13: redis_key of limit 'api': expected %w in it: a counter is of one window"}},
      {"[limits.api]\nlimit = \"5/s\"\nredis_key = \"%n%w\"\n",
       {"f:4:13: redis_key of limit 'api': expected a separator such as ':' between two "
        "placeholders"}},
      {"[limits.api]\nlimit = \"5/s\"\nredis_key = \"%q:%w\"\n",
       {"f:4:13: redis_key of limit 'api': expected %n, %k, %p, %w or %% after a percent sign"}},
      {"[limits.api]\nlimit = \"5/s\"\nkey = \"ipv6\"\n",
       {"f:4:7: key of limit 'api': expected text or ip"}},
      {"[limits.api]\nlimit = \"5/s\"\nkey = \"ip\"\nredis_key = \"x:%n:%w\"\n",
       {"f:5:13: redis_key of limit 'api': expected %k in it: with key = \"ip\" each network is "
        "counted"}},
      {"[limits.api]\nlimit = \"5/s\"\nipv6_prefix = 64\nipv4_prefix = 24\n",
       {"f:4:15: ipv6_prefix of limit 'api': expected it only with key = \"ip\"",
        "f:5:15: ipv4_prefix of limit 'api': expected it only with key = \"ip\""}},
      {"[limits.api]\nlimit = \"5/s\"\nkey = \"ip\"\nipv4_prefix = 33\nipv6_prefix = 0\n",
       {"f:5:15: ipv4_prefix of limit 'api': expected a whole number of bits from 8 to 32",
        "f:6:15: ipv6_prefix of limit 'api': expected a whole number of bits from 12 to 128"}},
      {"[limits.api]\nlimit = \"5/s\"\nkey = \"ip\"\nipv6_prefix = \"64\"\n",
       {"f:5:15: ipv6_prefix of limit 'api': expected a whole number of bits from 12 to 128"}},
      {"[limits.api]\nlimit = \"5/s\"\nalgorithm = \"bucket\"\n",
       {"f:4:13: algorithm of limit 'api': expected fixed-window, gcra, sliding-window or "
        "concurrency"}},
      {"[limits.api]\nlimit = \"5/s\"\nalgorithm = 1\n",
       {"f:4:13: algorithm of limit 'api': expected \"fixed-window\", \"gcra\", "
        "\"sliding-window\" or \"concurrency\", in quotes"}},
      {"[limits.api]\nlimit = \"5/s\"\nburst = 5\n",
       {"f:4:9: burst of limit 'api': expected it only with algorithm = \"gcra\""}},
      {"[limits.api]\nlimit = \"5/s\"\nalgorithm = \"gcra\"\nsettle_within = \"5min\"\n",
       {"f:5:17: settle_within of limit 'api': expected it only with settle = \"store\""}},
      {"[limits.api]\nlimit = \"5/s\"\nsettle_within = \"5min\"\nsettle = \"off\"\n",
       {"f:4:17: settle_within of limit 'api': expected it only with settle = \"store\""}},
      {"[limits.api]\nlimit = \"5/s\"\nalgorithm = \"gcra\"\nburst = -1\n",
       {"f:5:9: burst of limit 'api': expected a whole number from 0 to 1000000000"}},
      {"[limits.api]\nlimit = \"5/s\"\nalgorithm = \"gcra\"\nredis_key = \"%n:%w\"\n",
       {"f:5:13: redis_key of limit 'api': expected no %w in it: a bucket is of no window"}},
      {"[limits.api]\nlimit = \"5/s\"\nalgorithm = \"gcra\"\nspread = 2\n"
       "on_store_lost = \"deny\"\n",
       {"f:5:10: spread of limit 'api': expected it only with algorithm = \"fixed-window\"",
        "f:6:17: on_store_lost of limit 'api': expected it only with algorithm = "
        "\"fixed-window\""}},
      {"[limits.api]\nlimit = \"1/31d\"\nalgorithm = \"gcra\"\nburst = 106\n",
       {"f:2:9: limit 'api': a bucket of 106 permits at 1/31d takes more than 3257d to fill; "
        "expected a smaller burst, or a higher rate"}},
      {"[limits.api]\nlimit = \"5/s\"\nredis_key = \"x:%w\"\n[limits.b]\nlimit = \"5/s\"\n"
       "algorithm = \"gcra\"\nredis_key = \"x:0\"\n",
       {"f:5:9: limit 'b' has algorithm = \"gcra\" and shares its counter with limit 'api' "
        "(f:2:9), whose algorithm is \"fixed-window\"; expected one, or %n in redis_key"}},
  };
  for (const Case& one : cases) {
    INFO(one.text);
    CHECK(faults_of(kMemory + one.text) == one.faults);
  }
}

TEST_CASE("faults of [redis]") {
  const Case cases[] = {
      {"port = \"6379\"\n", {"f:2:8: port in [redis]: expected a whole number from 1 to 65535"}},
      {"prot = 6379\n", {"f:2:1: unknown setting 'prot' in [redis]; did you mean 'port'?"}},
      {"host = \"a b\"\n", {kHost}},
      {"host = \"\"\n", {kHost}},
      {"host = \"a/b\"\n", {kHost}},
      {"host = \"" + std::string(254, 'a') + "\"\n", {kHost}},
      {"host = \"rediss://h\"\n", {kHost + "; a whole URL goes to --redis"}},
      {"host = \"redis://h:6379/0\"\n", {kHost + "; a whole URL goes to --redis"}},
      {"host = \"10.0.0.1:6379\"\n",
       {kHost + "; the port is a setting of its own, port (REDIS_PORT)"}},
      {"host = \"[::1]\"\n", {kHost + "; an IPv6 address has no brackets here"}},
      {"host = \"[::1]:6379\"\n", {kHost + "; an IPv6 address has no brackets here"}},
      {"unix_socket = \"unix:///a\"\n",
       {"f:2:15: unix_socket in [redis]: expected a path of at most 107 bytes; it is not a URL"}},
      {"db = -1\n", {"f:2:6: db in [redis]: expected a whole number from 0 to 65535"}},
      {"unix_socket = \"/a\"\nport = 1\n",
       {"f:3:8: port in [redis]: expected it only without unix_socket"}},
      {"host = \"a\"\nunix_socket = \"/a\"\n",
       {"f:2:8: host in [redis]: expected it only without unix_socket"}},
      {"password_file = \"relative\"\n",
       {"f:2:17: password_file in [redis]: expected an absolute path"}},
      {"password_file = \"/nonexistent/x\"\n",
       {"f:2:17: password_file in [redis]: /nonexistent/x does not exist"}},
      {"password_command = \"/bin/a b\"\n", {kCommand}},
      {"password_command = [\"a\"]\n", {kCommand}},
      {"password_command = [\"/a\", 1]\n", {kCommand}},
      {"password_command = [\"/nonexistent/x\"]\n",
       {"f:2:20: password_command in [redis]: /nonexistent/x cannot be run: No such file or "
        "directory"}},
      {"password_command = [\"/bin/sh\"]\npassword = \"a\"\n",
       {"f:2:20: password_command in [redis]: expected it only without password"}},
      {"password_file = \"/etc/hostname\"\npassword_command = [\"/bin/sh\"]\n",
       {"f:3:20: password_command in [redis]: expected it only without password_file"}},
      {"reauth = 900\n",
       {"f:2:10: reauth in [redis]: expected a duration such as \"250ms\", from 0s to 30d; 900 has "
        "no unit"}},
      {"backoff_min = \"3s\"\n",
       {"f:2:15: backoff_min in [redis]: expected at most backoff_max, which is 2s"}},
      {"backoff_max = \"10ms\"\n",
       {"f:2:15: backoff_max in [redis]: expected at least backoff_min, which is 50ms"}},
      {"username = \"u\"\n", {"f:2:12: username in [redis]: expected a password with it"}},
      {"tls = true\nunix_socket = \"/a\"\n",
       {"f:2:7: tls in [redis]: expected it only without unix_socket"}},
      {"tls = \"yes\"\n", {"f:2:7: tls in [redis]: expected true or false"}},
      {"tls_ca = \"/a\"\n", {"f:2:10: tls_ca in [redis]: expected it only with tls = true"}},
      {"tls_name = \"a\"\n", {"f:2:12: tls_name in [redis]: expected it only with tls = true"}},
      {"tls = true\ntls_name = \"a b\"\n",
       {"f:3:12: tls_name in [redis]: expected the name or the address of a host"}},
      {"tls = true\ntls_ca = \"ca.crt\"\n",
       {"f:3:10: tls_ca in [redis]: expected an absolute path"}},
      {"tls = true\ntls_cert = \"/a\"\n",
       {"f:3:12: tls_cert in [redis]: expected a tls_key with it"}},
      {"tls = true\ntls_key = \"/a\"\n",
       {"f:3:11: tls_key in [redis]: expected a tls_cert with it"}},
      {"tls = true\ntls_ca = \"/nonexistent/x\"\n",
       {"f:3:10: tls_ca in [redis]: /nonexistent/x does not exist"}},
      {"tls = true\ntls_key = \"/a\"\ntls_cert = \"/nonexistent/x\"\n",
       {"f:4:12: tls_cert in [redis]: /nonexistent/x does not exist"}},
      {"tls = true\ntls_ca = \"/dev/null\"\n",
       {"f:3:10: tls_ca in [redis]: /dev/null is not a regular file"}},
      {"tls = true\ntls_insecure_no_verify = true\ntls_ca = \"/etc/passwd\"\n",
       {"f:3:26: tls_insecure_no_verify in [redis]: expected it only without tls_ca",
        "f:4:10: tls_ca in [redis]: /etc/passwd has no certificate in it, expected some in PEM"}},
      {"password = 5\n", {"f:2:12: password in [redis]: expected text, in quotes"}},
  };
  for (const Case& one : cases) {
    INFO(one.text);
    CHECK(faults_of("[redis]\n" + one.text) == one.faults);
  }
}

TEST_CASE("in a cluster all windows of a counter are in one slot") {
  const auto is_refused = [&](const std::string& redis_key) {
    const auto faults = faults_of(
        "[cluster]\naddresses = [\"a:1\"]\n[limits.x]\nlimit = "
        "9\nperiod = \"1s\"\nredis_key = \"" +
        redis_key + "\"\n");
    INFO(redis_key);
    return !faults.empty() && faults[0].find("expected a tag in braces") != std::string::npos;
  };
  CHECK_FALSE(is_refused("r:{%n:%k}:%w"));
  CHECK_FALSE(is_refused("r:{%n}:%w"));
  CHECK_FALSE(is_refused("{x}%w"));
  CHECK(is_refused("r:%w"));
  CHECK(is_refused("r:{%n:%w}"));
  CHECK(is_refused("r:{%k}:%w"));
  CHECK(is_refused("r:{}:{x}:%w"));
  CHECK(is_refused("r:{x:%w"));
}

TEST_CASE("how long a key is blocked, and what blocks none") {
  const auto faults = [](const std::string& rest) {
    return faults_of(kMemory + "[limits.x]\nlimit = \"9/s\"\n" + rest);
  };
  for (const char* text : {"0s", "1s", "15min", "31d"}) {
    CHECK(faults("block_for = \"" + std::string(text) + "\"\n").empty());
  }
  for (const char* text : {"\"999ms\"", "\"32d\"", "\"-1s\"", "\"month\"", "60", "true"}) {
    CHECK(
        faults("block_for = " + std::string(text) + "\n") ==
        std::vector<std::string>{"f:4:13: block_for of limit 'x': expected 0s, or a duration from "
                                 "1s to 31d"});
  }
  CHECK(faults_of("[cluster]\naddresses = [\"a:1\"]\n[limits.x]\nlimit = \"9/s\"\nspread = 3\n"
                  "block_for = \"1s\"\n") ==
        std::vector<std::string>{"f:6:13: block_for of limit 'x': expected it only without spread: "
                                 "each counter would be blocked by itself"});
  CHECK(
      faults_of(kMemory + "[limits.x]\nlimit = 9\nalgorithm = \"concurrency\"\n"
                          "block_for = \"1s\"\n") ==
      std::vector<std::string>{"f:5:13: block_for of limit 'x': a limit of concurrency has none"});
}

TEST_CASE("a limit is spread in a cluster, over no more counters than it has permits") {
  const auto faults = [&](const std::string& store, const std::string& limit) {
    return faults_of(store + "[limits.x]\nperiod = \"1s\"\n" + limit);
  };
  const std::string cluster = "[cluster]\naddresses = [\"a:1\"]\n";
  CHECK(faults(cluster, "limit = 9\nspread = 9\n").empty());
  CHECK(faults("[redis]\n", "limit = 9\nspread = 1\n").empty());
  const std::string has = ":2:9: limit 'x' has spread = ";
  CHECK(faults("[redis]\n", "limit = 9\nspread = 2\n") ==
        std::vector<std::string>{
            "f" + has + "2: expected [cluster], as it spreads a limit over the shards of one"});
  CHECK(faults(cluster, "limit = 2\nspread = 3\n") ==
        std::vector<std::string>{"f:3:9: limit 'x' has spread = 3: expected a limit of so many "
                                 "permits at least"});
  CHECK(faults(cluster, "limit = 2\nspread = 17\n") ==
        std::vector<std::string>{
            "f:6:10: spread of limit 'x': expected a whole number from 1 to 16"});
}

TEST_CASE("what is said of sentinels") {
  const std::string list =
      "expected a list of at most 16 hosts with ports, such as [\"a.example:26379\", "
      "\"b.example:26379\"]";
  const std::string good = "[sentinel]\naddresses = [\"a:1\"]\nmaster = \"m\"\n";
  std::string many = "\"a:1\"";
  for (int i = 2; i < 18; ++i) many += ", \"a:" + std::to_string(i) + "\"";
  const auto addresses = [&](const std::string& value) {
    return faults_of("[sentinel]\nmaster = \"m\"\naddresses = " + value + "\n");
  };
  const std::vector wrong{"f:3:13: addresses in [sentinel]: " + list};
  for (const std::string& value :
       {std::string("\"a:1\""), std::string("[1]"), std::string("[\"a\"]"),
        std::string("[\"a:0\"]"), std::string("[\"::1:6\"]"), std::string("[\"redis://a:1\"]"),
        std::string("[[\"a:1\"]]"), "[" + many + "]"}) {
    INFO(value);
    const auto faults = addresses(value);
    REQUIRE_FALSE(faults.empty());
    CHECK(std::find(faults.begin(), faults.end(), wrong[0]) != faults.end());
  }
  CHECK(addresses("[\"a:1\", \"b:1\", \"a:1\"]")[0] == wrong[0] + "; \"a:1\" is there twice");
  CHECK(addresses("[\"a:1\", \"[::1]:2\"]").empty());
  using Faults = std::vector<std::string>;
  CHECK(faults_of("[redis]\nhost = \"h\"\nport = 7\n" + good) ==
        Faults{"f:2:8: host in [redis]: expected it only without addresses in [sentinel]",
               "f:3:8: port in [redis]: expected it only without addresses in [sentinel]"});
  CHECK(faults_of("[redis]\nunix_socket = \"/h\"\n" + good) ==
        Faults{"f:2:15: unix_socket in [redis]: expected it only without addresses in [sentinel]"});
  CHECK(faults_of("[sentinel]\naddresses = [\"a:1\"]\n") ==
        Faults{"f:2:13: addresses in [sentinel]: expected a master with it"});
  CHECK(faults_of("[redis]\n[sentinel]\nmaster = \"m\"\n") ==
        Faults{"f:2:2: [sentinel]: expected addresses in it"});
  CHECK(faults_of("store = \"memory\"\n" + good) ==
        Faults{"f:2:2: [sentinel] contradicts store = \"memory\" (f:1:1): expected one of them"});
  CHECK(faults_of(good + "tls = true\ntls_ca = \"/nonexistent/x\"\n") ==
        Faults{"f:5:10: tls_ca in [sentinel]: /nonexistent/x does not exist"});
  CHECK(faults_of(good).empty());
}

TEST_CASE("a password is in no fault") {
  for (const std::string text :
       {"[redis]\npassword = \"hunter2\"\npassword_file = \"/nonexistent/x\"\n",
        "[redis]\nusername = \"\\n\"\npassword = \"hunter2\"\n"}) {
    const auto faults = faults_of(text);
    REQUIRE_FALSE(faults.empty());
    for (const std::string& fault : faults) CHECK(fault.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("text that is no TOML") {
  const auto only = [](const std::string& text) {
    const auto faults = faults_of(text);
    REQUIRE(faults.size() == 1);
    return faults[0];
  };
  CHECK(only("store = \n").starts_with("f:1:9: not TOML: "));
  CHECK(only("store = \"memory\n").starts_with("f:1:"));
  CHECK(only("\n\n  = 5\n").starts_with("f:3:3: not TOML: "));
  CHECK(only("[server\n").starts_with("f:1:"));
  CHECK(only("store = \"\xff\"\n").starts_with("f:1:"));
  CHECK(only(std::string("store = \"memory\"\na\0b", 20)) ==
        "f:2:2: expected text, found a NUL byte");
  CHECK(only("a = " + std::string(100'000, '[')).starts_with("f:1:"));
}

TEST_CASE("what is given twice names both places") {
  const Case cases[] = {
      {"[limits]\napi = \"1/s\"\n# more\n  api = \"2/s\"\n",
       {"f:5:3: limit 'api' is named twice, first at f:3:1"}},
      {"[limits]\r\napi = \"1/s\"\r\napi = \"2/s\"\r\n",
       {"f:4:1: limit 'api' is named twice, first at f:3:1"}},
      {"[limits]\napi = \"1/s\"\n[limits.api]\nlimit = \"2/s\"\n",
       {"f:4:9: limit 'api' is named twice, first at f:3:1"}},
      {"[limits.api]\nlimit = \"1/s\"\n[limits]\napi = \"2/s\"\n",
       {"f:5:1: limit 'api' is named twice, first at f:2:9"}},
      {"[limits.api]\nlimit = \"1/s\"\n[limits.api]\nlimit = \"2/s\"\n",
       {"f:4:9: limit 'api' is named twice, first at f:2:9"}},
      {"[server]\nsocket = \"/a\"\nsocket = \"/b\"\n",
       {"f:4:1: 'server.socket' is given twice, first at f:3:1"}},
      {"[server]\nsocket = \"/a\"\n[server]\n", {"f:4:2: 'server' is given twice, first at f:2:2"}},
      {"store = \"redis\"\n", {"f:2:1: 'store' is given twice, first at f:1:1"}},
  };
  for (const Case& one : cases) {
    INFO(one.text);
    CHECK(faults_of(kMemory + one.text) == one.faults);
  }
}

TEST_CASE("all faults are told, in the order of their places") {
  CHECK(faults_of("[limits]\napi = \"x/s\"\n[server]\nmax_clients = 0\nsokcet = 1\n[log]\nlevel = "
                  "\"loud\"\n") ==
        std::vector<std::string>{
            "f:2:7: limit 'api': before the slash expected a whole number from 1 to 1000000000",
            "f:4:15: max_clients in [server]: expected a whole number from 1 to 1000000",
            "f:5:1: unknown setting 'sokcet' in [server]; did you mean 'socket'?",
            "f:7:9: level in [log]: expected \"debug\", \"info\", \"warning\" or \"error\"",
            kNoStore});
}

TEST_CASE("limits that share a counter are not spread") {
  const std::vector<std::string> faults = faults_of(
      "[cluster]\naddresses = [\"127.0.0.1:1\"]\n[limits.a]\nlimit = \"9/s\"\nredis_key = "
      "\"{x}:%w\"\n[limits.b]\nlimit = \"9/s\"\nredis_key = \"{x}:%w\"\nspread = 3\n");
  CHECK(faults == std::vector<std::string>{
                      "f:6:9: limit 'b' shares its counter with limit 'a' (f:3:9): expected no "
                      "spread, by which each would have parts of its own size"});
}

TEST_CASE("what is for periods of the calendar is for no others, and those are for windows") {
  const auto faults = [](const std::string& lines) {
    return faults_of(kMemory + "[limits.api]\n" + lines);
  };
  const std::string zone = "timezone = \"Europe/Berlin\"\n";
  const std::string sunday = "week_starts = \"sunday\"\n";
  for (const std::string period : {"day", "1day", "week", "1week", "month", "1months", "year"}) {
    CHECK(faults("limit = \"5/" + period + "\"\n" + zone).empty());
    CHECK(faults("limit = 5\nperiod = \"" + period + "\"\n" + zone).empty());
  }
  CHECK(faults("limit = \"5/week\"\n" + sunday).empty());
  CHECK(faults("limit = \"5/day\"\nalgorithm = \"gcra\"\n").empty());
  for (const std::string period : {"1d", "24h", "7d", "2days", "1s"}) {
    CHECK(faults("limit = \"5/" + period + "\"\n" + zone) ==
          std::vector<std::string>{"f:4:12: timezone of limit 'api': expected it only with a "
                                   "period of a day, week, month or year"});
  }
  for (const std::string period : {"1d", "7d", "day", "month", "year"}) {
    CHECK(faults("limit = \"5/" + period + "\"\n" + sunday) ==
          std::vector<std::string>{"f:4:15: week_starts of limit 'api': expected it only with a "
                                   "period of a week"});
  }
  const std::vector<Case> cases = {
      {"limit = \"5/month\"\ntimezone = \"Mars\"\n",
       {"f:4:12: timezone of limit 'api': expected a zone of the tz database, such as "
        "Europe/Berlin"}},
      {"limit = \"5/month\"\ntimezone = \"Europe/Pariss\"\n",
       {"f:4:12: timezone of limit 'api': expected a zone of the tz database, such as "
        "Europe/Berlin; did you mean \"Europe/Paris\"?"}},
      {"limit = \"5/month\"\ntimezone = \"localtime\"\n",
       {"f:4:12: timezone of limit 'api': expected a zone of the tz database, such as "
        "Europe/Berlin"}},
      {"limit = \"5/month\"\ntimezone = 1\n",
       {"f:4:12: timezone of limit 'api': expected text without spaces, in quotes"}},
      {"limit = \"5/week\"\nweek_starts = \"Sunday\"\n",
       {"f:4:15: week_starts of limit 'api': expected monday, tuesday, wednesday, thursday, "
        "friday, saturday or sunday"}},
      {"limit = \"5/month\"\nalgorithm = \"gcra\"\n",
       {"f:2:9: limit 'api': expected algorithm = \"fixed-window\" with a period of the calendar: "
        "others have no aligned windows"}},
      {"limit = \"5/day\"\nalgorithm = \"gcra\"\n" + zone,
       {"f:2:9: limit 'api': expected algorithm = \"fixed-window\" with a period of the calendar: "
        "others have no aligned windows"}},
      {"limit = \"5/month\"\nkeys = { a = \"9/31d\" }\n",
       {"f:4:14: rule for the key 'a' of limit 'api': expected the limit's own period, as in "
        "\"9/month\": a "
        "rule changes the number of permits alone"}},
  };
  for (const Case& wrong : cases) CHECK(faults(wrong.text) == wrong.faults);
}

TEST_CASE("limits that share a counter have one period") {
  const std::string shared =
      "[limits.a]\nlimit = \"1/s\"\nredis_key = \"rate-limit:%w\"\n"
      "[limits.b]\nlimit = \"1/10s\"\nredis_key = \"rate-limit:%w\"\n";
  CHECK(faults_of(kMemory + shared) ==
        std::vector<std::string>{
            "f:5:9: limit 'b' has a period of 10s and shares its counter with limit 'a' (f:2:9), "
            "whose period is 1s; expected one period, or %p or %n in redis_key"});
  // And one calendar.
  CHECK(faults_of(kMemory + "[limits.a]\nlimit = \"1/week\"\nredis_key = \"x:%w\"\n"
                            "[limits.b]\nlimit = \"1/week\"\nredis_key = \"x:%w\"\n"
                            "week_starts = \"sunday\"\n") ==
        std::vector<std::string>{
            "f:5:9: limit 'b' has a period of week-sunday and shares its counter with limit 'a' "
            "(f:2:9), whose period is week; expected one period, or %p or %n in redis_key"});
  // A template of another text that makes the same counter.
  CHECK(faults_of(kMemory + "[limits.a]\nlimit = \"1/s\"\nredis_key = \"%n:%w\"\n"
                            "[limits.b]\nlimit = \"1/10s\"\nredis_key = \"a:%w\"\n")
            .size() == 1);

  for (const std::string apart : {"[limits]\na = \"1/s\"\nb = \"1/10s\"\n",
                                  "[limits.a]\nlimit = \"1/s\"\nredis_key = \"r:%p:%w\"\n"
                                  "[limits.b]\nlimit = \"1/10s\"\nredis_key = \"r:%p:%w\"\n",
                                  "[limits.a]\nlimit = \"1/s\"\nredis_key = \"r:%n:%w\"\n"
                                  "[limits.b]\nlimit = \"1/10s\"\nredis_key = \"r:%n:%w\"\n",
                                  "[limits.a]\nlimit = \"1/s\"\nredis_key = \"r:%w\"\n"
                                  "[limits.b]\nlimit = \"9/s\"\nredis_key = \"r:%w\"\n"}) {
    INFO(apart);
    CHECK(faults_of(kMemory + apart).empty());
  }
}
