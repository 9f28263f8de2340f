// --print-config: all that is in force, with passwords masked, and it loads again.
#include "daemon/config/print.hpp"

#include <string>

#include "daemon/config/loader.hpp"
#include "tests/temp_dir.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

Config load(const std::string& text) {
  const ConfigLoad load = load_config_text(text, "f");
  for (const Fault& fault : load.faults) UNSCOPED_INFO(to_text(fault));
  REQUIRE(load);
  return load.config;
}

}  // namespace

TEST_CASE("the defaults, with a store in memory") {
  CHECK(print_config(load("store = \"memory\"\n")) == R"(store = "memory"

[server]
socket = "/run/rategate/rategate.sock"
socket_mode = "0660"
socket_group = ""
tcp = ""
tcp_allow_remote = false
max_clients = 10000
idle_timeout = "0s"
max_request = 8192
max_pending = 1000
max_wait = "1m"
max_parked = 10000
max_parked_per_key = 1000
declared_limits = true
max_declared = 1000
shm_users = ""
shm_groups = ""
admin_users = ""
admin_groups = ""

[shm]
enabled = true
slots = 65536

[clock]
max_error = "100ms"
max_drift = 1000

[log]
level = "info"
target = "auto"
format = "text"
)");
}

TEST_CASE("what is printed loads again, to the same") {
  const rategate::test::TempDir folder;
  const std::string secret = folder.write("secret", "hunter2\n");
  for (const std::string& text :
       {std::string("store = \"memory\"\n"), std::string("[redis]\n"),
        std::string("[redis]\nunix_socket = \"/a \\\"b\\\\\"\ndb = 4\n"),
        std::string("[redis]\nusername = \"u\"\npassword = \"hunter2\"\n"),
        "[redis]\npassword_file = \"" + secret + "\"\n",
        std::string("[cluster]\naddresses = [\"a:1\", \"[::1]:2\"]\n[redis]\ntls = true\n"
                    "[limits.x]\nlimit = \"9/s\"\nspread = 3\n"),
        "[sentinel]\naddresses = [\"a:1\", \"[::1]:2\"]\nmaster = \"m\"\npassword_file = \"" +
            secret + "\"\n",
        std::string(
            "[redis]\npassword_command = [\"/bin/sh\", \"b \\\"c\\\"\"]\nreauth = \"15m\"\n"),
        std::string("[redis]\n[limits.x]\nlimit = \"9/s\"\nkey = \"ip\"\nipv4_prefix = 24\n"),
        std::string("[redis]\n[limits.x]\nlimit = \"9/s\"\nalgorithm = \"gcra\"\nkey = \"ip\"\n"
                    "ipv6_prefix = 128\n"),
        std::string("[redis]\n[limits]\na = \"9/month\"\nb = \"9/day\"\n[limits.x]\nlimit = "
                    "\"9/week\"\nweek_starts = \"sunday\"\ntimezone = \"Europe/Berlin\"\n"
                    "[limits.y]\nlimit = 9\nperiod = \"day\"\ntimezone = \"Asia/Tokyo\"\n"
                    "keys = { k = \"7/day\" }\n"),
        std::string("[redis]\n[limits.x]\nlimit = \"9/s\"\nblock_for = \"15min\"\n"),
        std::string("[redis]\n[log]\nlevel = \"debug\"\nformat = \"json\"\ntarget = "
                    "\"file:/x\"\n[server]\nsocket_mode = \"0777\"\nidle_timeout = \"90s\"\n"
                    "[limits]\napi = \"100/s\"\n\"a.b/c@d\" = \"1/250ms\"\n[limits.x]\nlimit = "
                    "9\nperiod = \"1d\"\nredis_key = \"x:%k:%w\"\non_store_down = "
                    "\"error\"\non_store_lost = \"deny\"\n")}) {
    INFO(text);
    const std::string printed = print_config(load(text));
    INFO(printed);
    CHECK(printed.find("hunter2") == std::string::npos);
    const Config again = load(printed);
    CHECK(print_config(again) == printed);

    Config first = load(text);
    if (first.live.login.password_file.empty() && !first.live.login.password.empty()) {
      CHECK(again.live.login.password == "********");
      first.live.login.password = "********";
    }
    CHECK(fixed_changes(first.fixed, again.fixed).empty());
    CHECK(first.live.login == again.live.login);
    CHECK(first.live.log_level == again.live.log_level);
    REQUIRE(first.live.limits.size() == again.live.limits.size());
    for (std::size_t i = 0; i < first.live.limits.size(); ++i) {
      CHECK(same_limit(first.live.limits[i], again.live.limits[i]));
    }
  }
}
