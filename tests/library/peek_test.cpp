// rategate_peek: it asks by PEEK, over the socket and never in shared memory, and takes nothing
// there.
#include <cerrno>
#include <cstring>
#include <string>

#include "tests/library/shm_fixture.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

namespace {

Outcome peek(rategate_limit* limit, std::string_view key = {}, std::int64_t cost = 1) {
  Outcome outcome;
  rategate_error error{};
  outcome.rc = rategate_peek(limit, key.data(), key.size(), cost, &outcome.decision, &error);
  outcome.text = error.text;
  return outcome;
}

}  // namespace

TEST_CASE("a peek has the words and the answer of a check") {
  TempDir dir;
  Script script({decision(true, 100, 42, 0, 412, 0), denied(77)});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const Outcome first = peek(client.limit("login", 5, 60'000), "alice", 2);
  REQUIRE(first.rc == 0);
  CHECK(first.decision.allowed == 1);
  CHECK(first.decision.remaining == 42);
  CHECK(first.decision.reset_after_ms == 412);
  CHECK(first.decision.decided_ns == 0);
  const Outcome second = peek(client.limit());
  REQUIRE(second.rc == 0);  // to be denied is no failure
  CHECK(second.decision.allowed == 0);
  CHECK(second.decision.retry_after_ms == 77);
  CHECK(script.requests() == std::vector<Words>{{"PEEK", "login", "alice", "COST", "2", "LIMIT",
                                                 "5", "PERIOD", "60000ms"},
                                                {"PEEK", "api"}});
  CHECK(daemon.connections() == 1);  // which is kept for the next call
}

TEST_CASE("where a peek fails it touches nothing but the error") {
  TempDir dir;
  Script script({"-ERR unknown command 'PEEK', with args beginning with: 'api' \r\n", "+OK\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  for (const int code : {-EREMOTEIO, -EPROTO}) {
    rategate_decision decision;
    std::memset(&decision, 0x5a, sizeof decision);
    const rategate_decision before = decision;
    rategate_error error{};
    CHECK(rategate_peek(client.limit(), nullptr, 0, 1, &decision, &error) == code);
    CHECK(std::memcmp(&decision, &before, sizeof decision) == 0);
    CHECK(std::strlen(error.text) > 0);
  }
}

TEST_CASE("arguments of a peek out of range are refused without asking") {
  TempDir dir;
  Script script({allowed()});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit();
  rategate_decision decision;
  CHECK(peek(limit, std::string(513, 'k')).rc == -EINVAL);
  CHECK(peek(limit, "", 0).rc == -EINVAL);
  CHECK(peek(limit, "", RATEGATE_MAX_COST + 1LL).rc == -EINVAL);
  CHECK(rategate_peek(nullptr, "", 0, 1, &decision, nullptr) == -EINVAL);
  CHECK(rategate_peek(limit, nullptr, 1, 1, &decision, nullptr) == -EINVAL);
  CHECK(rategate_peek(limit, nullptr, 0, 1, nullptr, nullptr) == -EINVAL);
  CHECK(script.requests().empty());
}

TEST_CASE("a peek asks the daemon although the pool in shared memory has permits") {
  Fixture f;
  rg_slot* slot = f.pool(10);
  rategate_limit* limit = f.attached();
  CHECK(by_daemon(peek(limit)));
  CHECK(Segment::permits(slot) == 10);
  CHECK(in_place(check(limit)));
  CHECK(Segment::permits(slot) == 9);
  CHECK(f.daemon->connections() == 1);
}

TEST_CASE("a peek asks for no shared memory") {
  Fixture f;
  CHECK(by_daemon(peek(f.client->limit())));
  CHECK(f.shared.attached == 0);
  CHECK(f.shared.resolved == 0);
}
