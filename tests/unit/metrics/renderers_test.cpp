// What is made of a snapshot: INFO's sections, and the status line.
#include <memory>
#include <string>
#include <utility>

#include "daemon/metrics/info.hpp"
#include "daemon/metrics/status_text.hpp"
#include "daemon/metrics/table.hpp"
#include "tests/unit/catch.hpp"

namespace rategate::test {
namespace {

LimitFacts limit_facts(const char* name, std::int64_t permits, bool leased) {
  Limit limit;
  limit.name = name;
  limit.permits = permits;
  limit.period_ms = 60'000;
  limit.on_store_down = OnStoreDown::Error;
  return {std::make_shared<const Limit>(std::move(limit)), leased, 4, 5, 6};
}

}  // namespace

TEST_CASE("a section of INFO is its title and its fields, in the table's order") {
  Snapshot snapshot;
  snapshot.process = {"1.2.3", 42, 7, "/run/a.sock", "/etc/a.toml", 0, 0};
  CHECK(info_section("server", snapshot) ==
        "# Server\r\nrategate_version:1.2.3\r\nprocess_id:42\r\nuptime_in_seconds:7\r\n"
        "socket:/run/a.sock\r\nconfig_file:/etc/a.toml\r\n");
  snapshot.clients = {3, 100, 4096};
  snapshot.sessions.accepted = 9;
  snapshot.sessions.rejected = 1;
  snapshot.checks_waiting = 2;
  CHECK(info_section("clients", snapshot) ==
        "# Clients\r\nconnected_clients:3\r\nmax_clients:100\r\nwaiting_checks:2\r\nacquiring:0\r\n"
        "total_connections_received:9\r\nrejected_connections:1\r\nbuffer_bytes:4096\r\n");
}

TEST_CASE("a value of INFO has no line end in it") {
  Snapshot snapshot;
  snapshot.process.config_file = "a\r\nb\x7f\t\"c\"\xc3\xa9";
  CHECK(info_section("server", snapshot).find("config_file:a  b  \"c\"\xc3\xa9\r\n") !=
        std::string::npos);
}

TEST_CASE("what is not known yet is empty in INFO") {
  Snapshot snapshot;
  CHECK(info_section("store", snapshot)
            .ends_with("clock_offset_us:\r\nclock_error_us:\r\nclock_trusted:0\r\n"));
  snapshot.clock = {-5, 100, true, true};
  CHECK(info_section("store", snapshot)
            .ends_with("clock_offset_us:-5\r\nclock_error_us:100\r\nclock_trusted:1\r\n"));
}

TEST_CASE("INFO has a line for each limit, behind the section") {
  Snapshot snapshot;
  snapshot.limits_configured = 1;
  snapshot.limits_declared = 1;
  snapshot.limits = {limit_facts("a", 5, false), limit_facts("b", 100, true)};
  CHECK(info_section("limits", snapshot) ==
        "# Limits\r\nconfigured:1\r\ndeclared:1\r\ndeclared_gave_way:0\r\n");
  std::string lines;
  append_limit_lines(lines, snapshot.limits);
  CHECK(lines ==
        "limit_a:rate=5/1m,mode=auto,on_store_down=error,allowed=4,denied=5,leased=0,shared=6\r\n"
        "limit_b:rate=100/1m,mode=auto,on_store_down=error,allowed=4,denied=5,leased=1,shared=6"
        "\r\n");
}

TEST_CASE("the status line says how the store is, what was decided, and what is wrong") {
  Overview overview;
  overview.store.state = "up";
  overview.store.address = "redis:6379";
  overview.clock.measured_trusted = true;
  overview.clients.open = 3;
  overview.limits_configured = 2;
  overview.gate.allowed = 10;
  overview.gate.store_down_allowed = 1;
  overview.gate.denied = 20;
  overview.gate.store_down_denied = 2;
  overview.gate.lost_denied = 4;
  overview.gate.blocked = 8;
  overview.gate.unlimited = 5;
  overview.gate.shadow_denied = 7;
  const std::string counts = "; 2 limits, 3 clients, 23 allowed, 34 denied";
  CHECK(status_text(overview, "") == "store up (redis:6379)" + counts);

  overview.clock.measured_trusted = false;
  CHECK(status_text(overview, "f:1:1: no") ==
        "store up (redis:6379)" + counts +
            "; the store's time is not known well enough"
            "; reload failed, the settings before it are in force: f:1:1: no");

  overview.clock.measured_trusted = true;
  overview.store.state = "away";
  overview.store.error = "Connection refused";
  CHECK(status_text(overview, "") == "store away (redis:6379): Connection refused" + counts +
                                         "; checks are answered by on_store_down");
}

}  // namespace rategate::test
