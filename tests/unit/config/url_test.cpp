// --redis: a URL that says all of where the store is, of one server or of sentinels.
#include <string>
#include <utility>
#include <vector>

#include "tests/temp_dir.hpp"
#include "tests/unit/config/sources.hpp"

using namespace rategate;
using namespace rategate::test;

TEST_CASE("the URL of a Redis") {
  const auto redis_of = [](const std::string& url) {
    Overrides overrides;
    overrides.redis = url;
    const Config config = good(of({}, overrides)).config;
    return std::pair(config.fixed.redis, config.live.login);
  };
  auto [redis, login] = redis_of("redis://db.example");
  CHECK(redis.host == "db.example");
  CHECK(redis.port == 6379);
  CHECK(redis.db == 0);
  CHECK(login.username.empty());
  CHECK(login.password.empty());
  std::tie(redis, login) = redis_of("redis://user:p%40ss%2Fword@[::1]:7000/12");
  CHECK(redis.host == "::1");
  CHECK(redis.port == 7000);
  CHECK(redis.db == 12);
  CHECK(login.username == "user");
  CHECK(login.password == "p@ss/word");
  std::tie(redis, login) = redis_of("redis://:secret@h/");
  CHECK(login.username.empty());
  CHECK(login.password == "secret");
  CHECK_FALSE(redis.tls);
  std::tie(redis, login) = redis_of("rediss://user:secret@h:7000/1");
  CHECK(redis.tls);
  CHECK(redis.host == "h");
  CHECK(redis.port == 7000);
  CHECK(redis.db == 1);
  CHECK(login.username == "user");
  std::tie(redis, login) = redis_of("unix:///run/redis.sock?db=4");
  CHECK(redis.unix_socket == "/run/redis.sock");
  CHECK(redis.db == 4);

  const std::string expected =
      "--redis: expected redis[s]://[user:password@]host[:port][/db], "
      "redis[s]+sentinel://[user:password@]host[:port],.../master[/db], "
      "redis[s]+cluster://[user:password@]host[:port],... or unix:///path[?db=n]";
  for (const auto& [url, but] : std::vector<std::pair<std::string, std::string>>{
           {"", ""},
           {"localhost:6379", ""},
           {"rediss://", ", but the host is no name and no address"},
           {"redis://", ", but the host is no name and no address"},
           {"redis://a b", ", but the host is no name and no address"},
           {"redis://h:x", ", but the port is no number from 1 to 65535"},
           {"redis://h:0", ", but the port is no number from 1 to 65535"},
           {"redis://h:", ", but the port is no number from 1 to 65535"},
           {"redis://h/x", ", but the db is none"},
           {"redis://h/0/1", ", but the db is none"},
           {"redis://u@h", ", but there is a user without a password"},
           {"redis://u:%4@h", ", but a percent sign has no two hex digits"},
           {"redis://u:%zz@h", ", but a percent sign has no two hex digits"},
           {"redis://[::1", ", but a bracket is not closed"},
           {"redis://[::1]x", ", but after the bracket is something else"},
           {"redis+sentinel://h", ", but the master has no name"},
           {"redis+sentinel://h/", ", but the master has no name"},
           {"redis+sentinel://h/a b", ", but the master has no name"},
           {"redis+sentinel://h/m/x", ", but the db is none"},
           {"redis+sentinel:///m", ", but there are not 1 to 16 sentinels"},
           {"redis+sentinel://h:0/m", ", but a sentinel is no host with a port"},
           {"redis+sentinel://h,,i/m", ", but a sentinel is no host with a port"},
           {"redis+sentinel://u@h/m", ", but there is a user without a password"},
           {"redis+cluster://", ", but there are not 1 to 16 nodes"},
           {"redis+cluster://h:0", ", but a node is no host with a port"},
           {"redis+cluster://h/1", ", but a node is no host with a port"},
           {"unix://", ", but the path is none"},
           {"unix://relative", ", but the path is none"},
           {"unix:///a?x=1", ", but after the path is something else"},
           {"unix:///a?db=-1", ", but the db is none"}}) {
    Overrides overrides;
    overrides.redis = url;
    INFO(url);
    CHECK(faults(load_config(of({}, overrides))) == std::vector{expected + but});
  }
}

TEST_CASE("the URL of sentinels is of the primary, and says who they are") {
  const TempDir folder;
  const std::string file = folder.write("r.toml",
                                        "[sentinel]\naddresses = [\"old:1\"]\nmaster = "
                                        "\"m\"\nusername = \"watch\"\npassword = \"s\"\n");
  Overrides overrides;
  overrides.redis = "rediss+sentinel://u:p@a,[::1]:7/mine/3";
  const Config config = good(of_file(file, {{"REDIS_PORT", "x"}}, overrides)).config;
  const FixedConfig& fixed = config.fixed;
  CHECK(fixed.sentinel.addresses == std::vector<HostPort>{{"a", 26379}, {"::1", 7}});
  CHECK(fixed.sentinel.master == "mine");
  CHECK(fixed.sentinel.tls);
  CHECK(fixed.sentinel.username == "watch");
  CHECK(fixed.sentinel.password == "s");
  CHECK(fixed.redis.tls);
  CHECK(config.live.login.username == "u");
  CHECK(config.live.login.password == "p");
  CHECK(fixed.redis.db == 3);
}

TEST_CASE("whatever names one server takes the place of sentinels") {
  const TempDir folder;
  const std::string file = folder.write(
      "r.toml", "[sentinel]\naddresses = [\"a:1\"]\nmaster = \"m\"\npassword_file = \"/none\"\n");
  Overrides url;
  url.redis = "redis://h";
  CHECK(good(of_file(file, {}, url)).config.fixed.sentinel == SentinelConfig{});
  CHECK(good(of_file(file, {{"REDIS_HOST", "h"}})).config.fixed.sentinel == SentinelConfig{});
  CHECK(faults(load_config(of_file(file, {}))) ==
        std::vector{file + ":4:17: password_file in [sentinel]: /none does not exist"});
  const std::string good_file = folder.write(
      "g.toml", "[sentinel]\naddresses = [\"a:1\"]\nmaster = \"m\"\npassword_file = \"" +
                    folder.write("p", "secret\n") + "\"\n");
  const Config config = good(of_file(good_file, {{"REDIS_PORT", "x"}})).config;
  CHECK(config.fixed.sentinel.password == "secret");
  CHECK(config.live.login.password.empty());
}

TEST_CASE(
    "the URL of a cluster says some of its nodes, and takes the place of what else there is") {
  const TempDir folder;
  const std::string file = folder.write(
      "r.toml", "[sentinel]\naddresses = [\"old:1\"]\nmaster = \"m\"\n[redis]\ndb = 3\n");
  Overrides overrides;
  overrides.redis = "rediss+cluster://u:p@a,[::1]:7/";
  const Config config = good(of_file(file, {{"REDIS_PORT", "x"}}, overrides)).config;
  CHECK(config.fixed.cluster.addresses == std::vector<HostPort>{{"a", 6379}, {"::1", 7}});
  CHECK(config.fixed.sentinel == SentinelConfig{});
  CHECK(config.fixed.redis.tls);
  CHECK(config.fixed.redis.db == 0);
  CHECK(config.live.login.username == "u");
  const std::string cluster = folder.write("c.toml", "[cluster]\naddresses = [\"a:1\"]\n");
  CHECK(good(of_file(cluster, {{"REDIS_PORT", "x"}, {"REDIS_DB", "4"}})).config.fixed.redis.db ==
        0);
  CHECK(good(of_file(cluster, {{"REDIS_HOST", "h"}})).config.fixed.cluster == ClusterConfig{});
  overrides.redis = "redis://h";
  CHECK(good(of_file(cluster, {}, overrides)).config.fixed.cluster == ClusterConfig{});
}

TEST_CASE("a URL says whether TLS is spoken, and with what is said elsewhere") {
  const TempDir folder;
  const std::string tls =
      folder.write("tls.toml", "[redis]\ntls = true\ntls_name = \"a\"\ntls_ca = \"/none\"\n");
  const std::string files = folder.write("files.toml", "[redis]\ntls_name = \"a\"\n");
  Overrides overrides;
  for (const char* plain : {"redis://h", "unix:///a"}) {
    overrides.redis = plain;
    const auto redis = good(of_file(tls, {}, overrides)).config.fixed.redis;
    CHECK_FALSE(redis.tls);
    CHECK(redis.tls_name.empty());
    CHECK(redis.tls_ca.empty());
  }
  overrides.redis = "rediss://h";
  const auto redis = good(of_file(files, {}, overrides)).config.fixed.redis;
  CHECK(redis.tls);
  CHECK(redis.tls_name == "a");
  CHECK(faults(load_config(of_file(tls, {}, overrides))) ==
        std::vector{tls + ":4:10: tls_ca in [redis]: /none does not exist"});
  Overrides memory;
  memory.memory = true;
  good(of_file(tls, {}, memory));
}
