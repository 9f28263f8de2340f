// rategate_check: the request's bytes, the answers it takes and those it refuses, errors.
#include <cerrno>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/library/client_fixture.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

namespace {

std::string request_bytes(const std::string& expected, std::string_view key, std::int64_t cost,
                          std::int64_t permits = 0, std::int64_t period_ms = 0) {
  TempDir dir;
  std::string seen;
  {
    Daemon daemon(dir.socket(), [&](Peer& peer) {
      seen = peer.bytes(expected.size());
      peer.send(allowed());
      peer.wait_for_end();
    });
    OpenClient client(dir.socket());
    if (check(client.limit("api", permits, period_ms), key, cost).rc != 0) return "failed";
  }
  return seen;
}

}  // namespace

TEST_CASE("a check is one RESP array of bulk strings") {
  for (const auto& [key, cost, expected] :
       std::vector<std::tuple<std::string, std::int64_t, std::string>>{
           {"", 1, "*2\r\n$5\r\nCHECK\r\n$3\r\napi\r\n"},
           {"alice", 1, "*3\r\n$5\r\nCHECK\r\n$3\r\napi\r\n$5\r\nalice\r\n"},
           {"", 5, "*4\r\n$5\r\nCHECK\r\n$3\r\napi\r\n$4\r\nCOST\r\n$1\r\n5\r\n"},
           {std::string("\r\n\0\xff$", 5), 1'000'000'000,
            "*5\r\n$5\r\nCHECK\r\n$3\r\napi\r\n$5\r\n" + std::string("\r\n\0\xff$", 5) +
                "\r\n$4\r\nCOST\r\n$10\r\n1000000000\r\n"},
           {std::string(512, 'k'), 1,
            "*3\r\n$5\r\nCHECK\r\n$3\r\napi\r\n$512\r\n" + std::string(512, 'k') + "\r\n"},
       }) {
    CAPTURE(key, cost);
    CHECK(request_bytes(expected, key, cost) == expected);
  }
  const std::string declared =
      "*9\r\n$5\r\nCHECK\r\n$3\r\napi\r\n$1\r\nk\r\n$4\r\nCOST\r\n$1\r\n2\r\n"
      "$5\r\nLIMIT\r\n$3\r\n100\r\n$6\r\nPERIOD\r\n$6\r\n1000ms\r\n";
  CHECK(request_bytes(declared, "k", 2, 100, 1000) == declared);
}

TEST_CASE("the largest request fits") {
  const std::string name(RATEGATE_MAX_NAME, 'n');
  TempDir dir;
  Script script({allowed()});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit(name.c_str(), RATEGATE_MAX_COST, 31LL * 24 * 3600 * 1000);
  REQUIRE(check(limit, std::string(RATEGATE_MAX_KEY, 'k'), RATEGATE_MAX_COST).rc == 0);
  CHECK(script.requests().at(0) == Words{"CHECK", name, std::string(512, 'k'), "COST", "1000000000",
                                         "LIMIT", "1000000000", "PERIOD", "2678400000ms"});
}

TEST_CASE("the six integers become a decision, in however many pieces they come") {
  TempDir dir;
  Daemon daemon(dir.socket(), [](Peer& peer) {
    peer.request();
    peer.trickle(decision(true, 1'000'000'000, 999, 0, 86'400'000, 2));
    peer.request();
    peer.send(decision(false, 5, 0, -1, 77, 3));
    peer.wait_for_end();
  });
  OpenClient client(dir.socket());
  const Outcome first = check(client.limit());
  REQUIRE(first.rc == 0);
  CHECK(first.decision.allowed == 1);
  CHECK(first.decision.limit == 1'000'000'000);
  CHECK(first.decision.remaining == 999);
  CHECK(first.decision.retry_after_ms == 0);
  CHECK(first.decision.reset_after_ms == 86'400'000);
  CHECK(first.decision.reason == RATEGATE_STORE_AWAY);
  const Outcome second = check(client.limit());
  REQUIRE(second.rc == 0);
  CHECK(second.decision.allowed == 0);
  CHECK(second.decision.retry_after_ms == -1);
  CHECK(second.decision.reason == RATEGATE_NEVER_FITS);
  CHECK(daemon.connections() == 1);
}

TEST_CASE("an answer of another shape is refused and touches nothing") {
  const std::vector<std::string> garbage = {
      "HTTP/1.1 400 Bad Request\r\n\r\n",
      "+OK\r\n",
      ":1\r\n",
      "*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n",
      "*7\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n",
      "*-1\r\n",
      "*6\n:1\r\n",
      "*6\r\n$1\r\n1\r\n",
      "*6\r\n:\r\n",
      "*6\r\n:-\r\n",
      "*6\r\n:1x\r\n",
      "*6\r\n:1\r:",
      "*6\r\n:99999999999999999999\r\n",
      decision(true, 1, 1, 0, 0, -1),
      "*6\r\n:2\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n",
      allowed() + ":1\r\n",
      std::string(4096, '0'),
  };
  for (const std::string& answer : garbage) {
    CAPTURE(answer);
    TempDir dir;
    Script script({answer, allowed()});
    Daemon daemon(dir.socket(), script.serve());
    OpenClient client(dir.socket());
    rategate_decision decision;
    std::memset(&decision, 0x5a, sizeof decision);
    const rategate_decision before = decision;
    rategate_error error{};
    CHECK(rategate_check(client.limit(), "", 0, 1, &decision, &error) == -EPROTO);
    CHECK(std::memcmp(&decision, &before, sizeof decision) == 0);
    CHECK(std::string(error.text).find(dir.socket()) != std::string::npos);
    CHECK(check(client.limit()).rc == 0);  // and the connection is not used again
    CHECK(daemon.connections() == 2);
  }
}

TEST_CASE("the daemon's errors are errno values and its own words") {
  const std::vector<std::pair<std::string, int>> errors = {
      {"NOLIMIT no limit named 'apj'; did you mean 'api'?", -ENOENT},
      {"STOREDOWN the store is away", -EAGAIN},
      {"SHUTDOWN the daemon is stopping", -ESHUTDOWN},
      {"NOPERM this connection has no permission", -EPERM},
      {"DENIED SETTLE is not for this user (shm_users, shm_groups)", -EPERM},
      {"BUSY too many declared limits", -EBUSY},
      {"ERR max number of clients reached", -EUSERS},
      {"ERR syntax error at 'x'", -EREMOTEIO},
      {"NOLIMITS is another word", -EREMOTEIO},
      {"", -EREMOTEIO},
  };
  for (const auto& [text, code] : errors) {
    TempDir dir;
    Daemon daemon(dir.socket(), always("-" + text + "\r\n"));
    OpenClient client(dir.socket());
    const Outcome outcome = check(client.limit());
    CHECK(outcome.rc == code);
    CHECK(outcome.text == text);
    rategate_decision decision;
    CHECK(rategate_check(client.limit(), nullptr, 0, 1, &decision, nullptr) == code);
    CHECK(daemon.connections() == 1);
  }
}

TEST_CASE("an error text without an end is cut, and the rest of it is no other's answer") {
  TempDir dir;
  Daemon daemon(dir.socket(), [](Peer& peer) {
    peer.request();
    peer.send(peer.number() == 1 ? "-ERR " + std::string(5000, 'x') + "\r\n" : allowed());
    peer.wait_for_end();
  });
  OpenClient client(dir.socket());
  const Outcome outcome = check(client.limit());
  CHECK(outcome.rc == -EREMOTEIO);
  CHECK(outcome.text == "ERR " + std::string(sizeof(rategate_error) - 5, 'x'));
  CHECK(check(client.limit()).rc == 0);
  CHECK(daemon.connections() == 2);
}

TEST_CASE("arguments out of range are refused without asking") {
  TempDir dir;
  Script script({allowed()});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit();
  rategate_decision decision;
  CHECK(check(limit, std::string(513, 'k')).rc == -EINVAL);
  CHECK(check(limit, "", 0).rc == -EINVAL);
  CHECK(check(limit, "", -1).rc == -EINVAL);
  CHECK(check(limit, "", RATEGATE_MAX_COST + 1LL).rc == -EINVAL);
  CHECK(rategate_check(nullptr, "", 0, 1, &decision, nullptr) == -EINVAL);
  CHECK(rategate_check(limit, nullptr, 1, 1, &decision, nullptr) == -EINVAL);
  CHECK(rategate_check(limit, nullptr, 0, 1, nullptr, nullptr) == -EINVAL);
  CHECK(rategate_acquire(nullptr, nullptr, 0, 1, 0, &decision, nullptr) == -EINVAL);
  CHECK(rategate_acquire(limit, nullptr, 0, 1, 0, nullptr, nullptr) == -EINVAL);
  CHECK(rategate_acquire(limit, nullptr, 0, 1, -2, &decision, nullptr) == -EINVAL);
  CHECK(acquire(limit, 0, 0).rc == -EINVAL);
  CHECK(script.requests().empty());
}
