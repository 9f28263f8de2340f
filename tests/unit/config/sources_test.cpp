// Files, limits.d, the environment, credentials and the command line, and which of them wins.
#include "tests/unit/config/sources.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "daemon/config/loader.hpp"
#include "daemon/config/print.hpp"
#include "tests/temp_dir.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;
using namespace rategate::test;

TEST_CASE("a file with all that there is") {
  const TempDir folder;
  const auto config = good(of_file(folder.write("r.toml", R"(
[server]
socket = "/tmp/x.sock"
socket_mode = "0600"
socket_group = "www"
max_clients = 20
idle_timeout = "5min"
max_request = 2048
max_pending = 7
declared_limits = false
max_declared = 9
[redis]
host = "db.example"
port = 7000
db = 3
username = "rg"
password = "p w"
connect_timeout = "2s"
command_timeout = "100ms"
backoff_min = "10ms"
backoff_max = "1s"
[clock]
max_error = "50ms"
max_drift = 200
[log]
level = "debug"
target = "file:/var/log/r.log"
format = "json"
[limits]
api = "100/second"
[limits.login]
limit = 5
period = "10s"
redis_key = "login:%k:%w"
mode = "exact"
on_store_down = "allow"
)")))
                          .config;
  const ServerConfig& server = config.fixed.server;
  CHECK(server.socket == "/tmp/x.sock");
  CHECK(server.socket_mode == 0600);
  CHECK(server.socket_group == "www");
  CHECK(server.max_clients == 20);
  CHECK(server.idle_timeout_ms == 300'000);
  CHECK(server.max_request == 2048);
  CHECK(server.max_pending == 7);
  CHECK_FALSE(server.declared_limits);
  CHECK(server.max_declared == 9);
  const RedisConfig& redis = config.fixed.redis;
  CHECK(config.fixed.store == StoreKind::Redis);
  CHECK(redis.host == "db.example");
  CHECK(redis.port == 7000);
  CHECK(redis.db == 3);
  CHECK(config.live.login.username == "rg");
  CHECK(config.live.login.password == "p w");
  CHECK(redis.connect_timeout_ms == 2000);
  CHECK(redis.command_timeout_ms == 100);
  CHECK(redis.backoff_min_ms == 10);
  CHECK(redis.backoff_max_ms == 1000);
  CHECK(config.fixed.clock.max_error_us == 50'000);
  CHECK(config.fixed.clock.max_drift_ppm == 200);
  CHECK(config.live.log_level == LogLevel::Debug);
  CHECK(config.fixed.log.target == "file:/var/log/r.log");
  CHECK(config.fixed.log.format == LogFormat::Json);
  REQUIRE(config.live.limits.size() == 2);
  const Limit& api = config.live.limits[0];
  CHECK(api.name == "api");
  CHECK(api.permits == 100);
  CHECK(api.period_ms == 1000);
  CHECK(api.redis_key.text() == kDefaultRedisKey);
  CHECK(api.on_store_down == OnStoreDown::Deny);
  CHECK_FALSE(api.declared);
  const Limit& login = config.live.limits[1];
  CHECK(login.name == "login");
  CHECK(login.permits == 5);
  CHECK(login.period_ms == 10'000);
  CHECK(login.redis_key.text() == "login:%k:%w");
  CHECK(login.redis_key.has_key());
  CHECK(login.on_store_down == OnStoreDown::Allow);
}

TEST_CASE("a file that is not there is a fault only if it must be") {
  const TempDir folder;
  Sources sources = of_file(folder.path("none.toml"), {{"REDIS_HOST", "a"}});
  CHECK(faults(load_config(sources)) ==
        std::vector{folder.path("none.toml") + ": there is no such file"});
  sources.file_required = false;
  good(sources);
  sources.environment = nullptr;
  REQUIRE(faults(load_config(sources)).size() == 1);
  CHECK(faults(load_config(sources))[0].starts_with("configuration: no store is chosen: "));
}

TEST_CASE("files that cannot be read") {
  const TempDir folder;
  folder.write("dir.toml/x", "");
  CHECK(faults(load_config(of_file(folder.path("dir.toml")))) ==
        std::vector{folder.path("dir.toml") + ": is a directory, expected a file"});

  const std::string fifo = folder.path("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(faults(load_config(of_file(fifo))) == std::vector{fifo + ": is not a regular file"});

  const std::string huge = folder.write("huge.toml", std::string((std::size_t{4} << 20) + 1, '\n'));
  CHECK(faults(load_config(of_file(huge))) ==
        std::vector{huge + ": is too long, expected at most 4194304 bytes"});
  const std::string large = folder.write(
      "large.toml", std::string((std::size_t{4} << 20) - 16, '\n') + "store=\"memory\"\n");
  good(of_file(large));

  const std::string loop = folder.path("loop");
  REQUIRE(::symlink("loop", loop.c_str()) == 0);
  CHECK(faults(load_config(of_file(loop))) ==
        std::vector{loop + ": cannot be opened: Too many levels of symbolic links"});
}

TEST_CASE("limits.d is read in the order of its names") {
  const TempDir folder;
  const std::string file = folder.write("r.toml", "store = \"memory\"\n[limits]\na = \"1/s\"\n");
  const std::string ten = folder.write("limits.d/10.toml", "[limits]\nc = \"3/s\"\n");
  const std::string two = folder.write("limits.d/2.toml", "[limits]\nb = \"2/s\"\n");
  folder.write("limits.d/.hidden.toml", "this is not read");
  folder.write("limits.d/other.txt", "nor is this");
  const auto load = good(of_file(file));
  REQUIRE(load.config.live.limits.size() == 3);
  CHECK(load.config.live.limits[0].name == "a");
  CHECK(load.config.live.limits[1].name == "b");
  CHECK(load.config.live.limits[2].name == "c");

  SECTION("a limit named twice names both places") {
    folder.write("limits.d/10.toml", "\n[limits]\na = \"3/s\"\nb = \"4/s\"\n");
    CHECK(faults(load_config(of_file(file))) ==
          std::vector{ten + ":3:1: limit 'a' is named twice, first at " + file + ":3:1",
                      two + ":2:1: limit 'b' is named twice, first at " + ten + ":4:1"});
  }
  SECTION("it holds limits alone") {
    folder.write("limits.d/2.toml", "store = \"memory\"\n[server]\nmax_clients = 5\n");
    CHECK(faults(load_config(of_file(file))) ==
          std::vector{two + ":1:1: 'store': expected nothing but [limits] in limits.d",
                      two + ":2:2: 'server': expected nothing but [limits] in limits.d"});
  }
  SECTION("its faults are told as well as those of the file") {
    folder.write("r.toml", "store = \"memory\"\nbogus = 1\n");
    folder.write("limits.d/10.toml", "[limits\n");
    const auto all = faults(load_config(of_file(file)));
    REQUIRE(all.size() == 2);
    CHECK(all[0] == file + ":2:1: unknown setting 'bogus'");
    CHECK(all[1].starts_with(ten + ":1:"));
  }
  SECTION("a directory in it") {
    folder.write("limits.d/x.toml/y", "");
    CHECK(faults(load_config(of_file(file))) ==
          std::vector{folder.path("limits.d/x.toml") + ": is a directory, expected a file"});
  }
}

TEST_CASE("limits.d that is no folder") {
  const TempDir folder;
  const std::string file = folder.write("r.toml", "store = \"memory\"\n");
  folder.write("limits.d", "");
  CHECK(faults(load_config(of_file(file))) ==
        std::vector{folder.path("limits.d") + ": cannot be opened: Not a directory"});
}

TEST_CASE("the environment overrides the file") {
  const TempDir folder;
  const std::string file =
      folder.write("r.toml", "[redis]\nunix_socket = \"/a\"\ndb = 1\npassword = \"old\"\n");
  const Config config = good(of_file(file, {{"REDIS_HOST", "h"},
                                            {"REDIS_PORT", "7"},
                                            {"REDIS_DB", "2"},
                                            {"REDIS_PASSWORD", "new"}}))
                            .config;
  const RedisConfig& redis = config.fixed.redis;
  CHECK(redis.host == "h");
  CHECK(redis.unix_socket.empty());
  CHECK(redis.port == 7);
  CHECK(redis.db == 2);
  CHECK(config.live.login.password == "new");

  // Set to nothing is not set.
  const auto same = good(of_file(file, {{"REDIS_HOST", ""}, {"REDIS_PORT", ""}})).config.fixed;
  CHECK(same.redis.unix_socket == "/a");

  // REDIS_HOST chooses the store, over the file; the others do not.
  const std::string memory = folder.write("m.toml", "store = \"memory\"\n");
  CHECK(good(of_file(memory, {{"REDIS_HOST", "h"}})).config.fixed.store == StoreKind::Redis);
  CHECK(good(of_file(memory, {{"REDIS_PORT", "7"}})).config.fixed.store == StoreKind::Memory);
}

TEST_CASE("the environment is checked") {
  CHECK(faults(load_config(of(
            {{"REDIS_HOST", "a b"}, {"REDIS_PORT", "tcp://10.0.0.1:6379"}, {"REDIS_DB", "x"}}))) ==
        std::vector<std::string>{"REDIS_HOST: expected the name or the address of a host",
                                 "REDIS_PORT: expected a whole number from 1 to 65535, but it is "
                                 "\"tcp://10.0.0.1:6379\", as Kubernetes sets it in each pod "
                                 "beside a Service named redis: "
                                 "say enableServiceLinks: false in the pod's spec, or set "
                                 "REDIS_PORT there, or use --redis",
                                 "REDIS_DB: expected a whole number from 0 to 65535"});
  CHECK(faults(load_config(of({{"REDIS_HOST", "redis://h"}, {"REDIS_PORT", "x"}}))) ==
        std::vector<std::string>{
            "REDIS_HOST: expected the name or the address of a host; a whole URL goes to --redis",
            "REDIS_PORT: expected a whole number from 1 to 65535"});
}

TEST_CASE("what is overridden, or says nothing here, is not judged") {
  const std::pair<const char*, const char*> wrong[] = {
      {"REDIS_HOST", "a b"}, {"REDIS_PORT", "tcp://10.0.0.1:6379"}, {"REDIS_DB", "x"}};
  const std::string too_long(5000, 'x');
  Overrides memory;
  memory.memory = true;
  good(of({wrong[0], wrong[1], wrong[2], {"REDIS_PASSWORD", too_long.c_str()}}, memory));
  Overrides url;
  url.redis = "redis://b";
  CHECK(good(of({wrong[0], wrong[1], wrong[2]}, url)).config.fixed.redis.host == "b");
  CHECK(faults(load_config(of({{"REDIS_PASSWORD", too_long.c_str()}}, url))).size() == 1);
  url.redis = "redis://:secret@b";
  const auto login = good(of({{"REDIS_PASSWORD", too_long.c_str()}}, url)).config.live.login;
  CHECK(login.password == "secret");

  const TempDir folder;
  const std::string elsewhere =
      folder.write("r.toml", "[redis]\nunix_socket = \"/a\"\npassword_file = \"/nonexistent/x\"\n");
  good(of_file(elsewhere, {wrong[1], {"REDIS_PASSWORD", "p"}}));
  good(of_file(elsewhere, {wrong[0], wrong[1], wrong[2]}, url));
  Sources sources = of_file(elsewhere);
  folder.write("credentials/redis-password", "p");
  sources.credentials_directory = folder.path("credentials");
  good(sources);
  const std::string in_memory = folder.write("m.toml", "store = \"memory\"\n");
  good(of_file(in_memory, {wrong[1], wrong[2]}));
}

TEST_CASE("a password comes from a file, a credential or a variable") {
  const TempDir folder;
  const std::string secret = folder.write("secret", "from file\n");
  const std::string file =
      folder.write("r.toml", "[redis]\nusername = \"u\"\npassword_file = \"" + secret + "\"\n");
  Sources sources = of_file(file);
  CHECK(good(sources).config.live.login.password == "from file");

  folder.write("credentials/redis-password", "from systemd\r\n");
  sources.credentials_directory = folder.path("credentials");
  const auto login = good(sources).config.live.login;
  CHECK(login.password == "from systemd");
  CHECK(login.password_file.empty());

  sources.environment = of({{"REDIS_PASSWORD", "from a variable"}}).environment;
  CHECK(good(sources).config.live.login.password == "from a variable");

  sources.command_line.redis = "redis://u:from%20the%20line@h";
  CHECK(good(sources).config.live.login.password == "from the line");

  // A URL without one leaves what there is.
  sources.command_line.redis = "redis://h";
  CHECK(good(sources).config.live.login.password == "from a variable");

  sources.credentials_directory = folder.path("none");
  sources.environment = nullptr;
  CHECK(good(sources).config.live.login.password == "from file");

  folder.write("secret", "two\nlines\n\n");
  CHECK(good(sources).config.live.login.password == "two\nlines\n");
  folder.write("secret", "\n");
  CHECK(faults(load_config(sources)) == std::vector{file + ":3:17: password_file in [redis]: " +
                                                    secret + " is empty, expected a password"});
  folder.write("secret", std::string(5000, 'x'));
  CHECK(faults(load_config(sources)) ==
        std::vector{file + ":3:17: password_file in [redis]: " + secret +
                    " is too long, expected at most 4096 bytes"});
}

TEST_CASE("the command line overrides all") {
  const TempDir folder;
  const std::string file = folder.write(
      "r.toml",
      "[server]\nsocket = \"/a\"\n[redis]\nhost = \"a\"\ndb = 5\n[log]\nlevel = \"error\"\n"
      "[limits.api]\nlimit = \"1/s\"\nredis_key = \"api:%w\"\n");
  Overrides overrides;
  overrides.socket = "./x.sock";
  overrides.redis = "redis://b:77";
  overrides.log_level = "debug";
  overrides.limits = {"api=100/2s", "more=1/min"};
  const auto config =
      good(of_file(file, {{"REDIS_HOST", "c"}, {"REDIS_DB", "9"}}, overrides)).config;
  CHECK(config.fixed.server.socket == "./x.sock");
  CHECK(config.fixed.redis.host == "b");
  CHECK(config.fixed.redis.port == 77);
  CHECK(config.fixed.redis.db == 0);
  CHECK(config.live.log_level == LogLevel::Debug);
  REQUIRE(config.live.limits.size() == 2);
  CHECK(config.live.limits[0].permits == 100);
  CHECK(config.live.limits[0].period_ms == 2000);
  CHECK(config.live.limits[0].redis_key.text() == "api:%w");
  CHECK(config.live.limits[1].name == "more");

  Overrides memory;
  memory.memory = true;
  CHECK(good(of_file(file, {{"REDIS_HOST", "c"}}, memory)).config.fixed.store == StoreKind::Memory);
}

TEST_CASE("the command line changes a period of the calendar, or leaves it as it is") {
  const TempDir folder;
  const std::string file =
      folder.write("r.toml",
                   "store = \"memory\"\n[limits.a]\nlimit = \"5/day\"\ntimezone = \"Asia/Tokyo\"\n"
                   "[limits.b]\nlimit = \"5/month\"\n[limits.c]\nlimit = \"5/s\"\n"
                   "[limits.d]\nlimit = \"5/day\"\n");
  Overrides overrides;
  overrides.limits = {"a=9/day", "b=9/1h", "c=9/year", "d=9/day"};
  const auto limits = good(of_file(file, {}, overrides)).config.live.limits;
  REQUIRE(limits.size() == 4);
  const auto text = [&](std::size_t at) {
    return rate_text(limits[at], limits[at].permits) + " " + period_text(limits[at]);
  };
  CHECK(text(0) == "9/day day@Asia/Tokyo");
  CHECK(text(1) == "9/1h 1h");
  CHECK(text(2) == "9/year year");
  CHECK(text(3) == "9/1d 1d");

  const std::string bucket = folder.write(
      "b.toml", "store = \"memory\"\n[limits.e]\nlimit = \"5/s\"\nalgorithm = \"gcra\"\n");
  overrides.limits = {"e=5/month"};
  CHECK(faults(load_config(of_file(bucket, {}, overrides))) ==
        std::vector<std::string>{
            "--limit e=5/month: limit 'e': expected algorithm = \"fixed-window\" with a period of "
            "the calendar: others have no aligned windows"});
}

TEST_CASE("the command line is checked") {
  Overrides overrides;
  overrides.memory = true;
  overrides.redis = "http://x";
  overrides.socket = "";
  overrides.log_level = "inf";
  overrides.limits = {"api", "=1/s", "a=1", "b=1/s", "b=2/s"};
  CHECK(faults(load_config(of({}, overrides))) ==
        std::vector<std::string>{
            "--memory: contradicts --redis: expected one of them",
            "--redis: expected redis[s]://[user:password@]host[:port][/db], "
            "redis[s]+sentinel://[user:password@]host[:port],.../master[/db], "
            "redis[s]+cluster://[user:password@]host[:port],... or unix:///path[?db=n]",
            "--socket: expected a path of at most 107 bytes",
            "--log-level: expected \"debug\", \"info\", \"warning\" or \"error\"; did you mean "
            "\"info\"?",
            "--limit api: expected NAME=RATE, such as api=100/second",
            "--limit =1/s: expected a limit's name to be 1 to 64 letters, digits and _ - . / @",
            "--limit a=1: expected permits per period, such as 100/second, 5/10s or 1000/min",
            "--limit b=2/s: limit 'b' is named twice on the command line"});
}

TEST_CASE("what a reload cannot change is named") {
  FixedConfig running;
  FixedConfig wanted = running;
  CHECK(fixed_changes(running, wanted).empty());
  wanted.server.socket = "/x";
  wanted.redis.host = "x";
  wanted.clock.max_error_us = 1000;
  wanted.store = StoreKind::Memory;
  CHECK(fixed_changes(running, wanted) ==
        std::vector<std::string>{"store", "server.socket", "redis.host", "clock.max_error"});
}
