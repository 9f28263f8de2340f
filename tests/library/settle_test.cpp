// rategate_settle: it is sent once, whatever becomes of the connection; and RATEGATE_RECEIPTS, by
// which checks that go to the daemon are asked by CHECKX.
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/library/shm_fixture.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

namespace {

constexpr std::int64_t kReceipt = 1'700'000'001'000;
constexpr std::int64_t kUntouched = 77;

struct Settled {
  int rc = 0;
  std::int64_t back = kUntouched;
  std::string text;
};

Settled settle(rategate_limit* limit, std::int64_t took, std::int64_t used,
               std::string_view key = {}, std::int64_t receipt = kReceipt) {
  Settled settled;
  rategate_error error{};
  settled.rc =
      rategate_settle(limit, key.data(), key.size(), took, used, receipt, &settled.back, &error);
  settled.text = error.text;
  return settled;
}

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

// In the bytes of RESP2; the values as they are.
std::string map_of(const Pairs& pairs) {
  std::string bytes = "*" + std::to_string(2 * pairs.size()) + "\r\n";
  for (const auto& [name, value] : pairs) bytes += bulk(name) + value;
  return bytes;
}

// As CHECKX answers, in the daemon's order.
Pairs decision_pairs() {
  return {{"allowed", ":1\r\n"},          {"limit", ":100\r\n"},
          {"remaining", ":42\r\n"},       {"retry_after_ms", ":0\r\n"},
          {"reset_after_ms", ":412\r\n"}, {"reason", ":0\r\n"},
          {"rule", bulk("api")},          {"algorithm", bulk("fixed-window")},
          {"period_ms", ":1000\r\n"},     {"burst", ":100\r\n"},
          {"source", bulk("store")},      {"receipt", ":" + std::to_string(kReceipt) + "\r\n"}};
}

Pairs with(Pairs pairs, const std::string& name, const std::string& value) {
  for (auto& pair : pairs) {
    if (pair.first == name) pair.second = value;
  }
  return pairs;
}

Pairs without(Pairs pairs, const std::string& name) {
  std::erase_if(pairs, [&](const auto& pair) { return pair.first == name; });
  return pairs;
}

OpenClient with_receipts(const TempDir& dir) {
  return OpenClient(dir.socket(), 20'000, 0, RATEGATE_NO_SHM | RATEGATE_RECEIPTS);
}

void check_is_as_told(const Outcome& outcome) {
  REQUIRE(outcome.rc == 0);
  CHECK(outcome.decision.allowed == 1);
  CHECK(outcome.decision.limit == 100);
  CHECK(outcome.decision.remaining == 42);
  CHECK(outcome.decision.reset_after_ms == 412);
  CHECK(outcome.decision.reason == RATEGATE_COUNTED);
  CHECK(outcome.decision.window_end_ms == kReceipt);
  CHECK(outcome.decision.decided_ns == 0);
}

}  // namespace

TEST_CASE("a settlement tells what was taken and used, and by which receipt") {
  TempDir dir;
  Script script({":380\r\n", ":-120\r\n", ":0\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  CHECK(settle(client.limit("login", 500, 60'000), 500, 120, "alice").back == 380);
  CHECK(settle(client.limit(), 0, 120).back == -120);
  CHECK(settle(client.limit(), 0, 0, "", 0).back == 0);
  CHECK(script.requests() ==
        std::vector<Words>{{"SETTLE", "login", "alice", "TOOK", "500", "USED", "120", "AT",
                            "1700000001000", "LIMIT", "500", "PERIOD", "60000ms"},
                           {"SETTLE", "api", "TOOK", "0", "USED", "120", "AT", "1700000001000"},
                           {"SETTLE", "api", "TOOK", "0", "USED", "0", "AT", "0"}});
  CHECK(daemon.connections() == 1);
}

TEST_CASE("the largest settlement fits") {
  const std::string name(RATEGATE_MAX_NAME, 'n');
  TempDir dir;
  Script script({":1000000000\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit(name.c_str(), RATEGATE_MAX_COST, 31LL * 24 * 3600 * 1000);
  const Settled settled = settle(limit, RATEGATE_MAX_COST, RATEGATE_MAX_COST,
                                 std::string(RATEGATE_MAX_KEY, 'k'), INT64_MAX);
  CHECK(settled.back == RATEGATE_MAX_COST);
  CHECK(script.requests().at(0).at(8) == std::to_string(INT64_MAX));
}

TEST_CASE("a settlement whose connection ends is not sent again") {
  TempDir dir;
  Event asked;
  Daemon daemon(dir.socket(), [&](Peer& peer) {
    if (peer.number() == 1) {  // has been used before, as after a restart
      peer.request();
      peer.send(allowed());
    }
    if (!peer.request().empty()) asked.happen();
  });
  OpenClient client(dir.socket());
  REQUIRE(check(client.limit()).rc == 0);
  for (const int times : {1, 2}) {
    const Settled settled = settle(client.limit(), 5, 2);
    CHECK(settled.rc == -ECONNRESET);
    CHECK(settled.back == kUntouched);
    CHECK(settled.text == "the daemon at " + dir.socket() + " hung up");
    CHECK(asked.wait(times));
    CHECK(daemon.connections() == times);
  }
}

TEST_CASE("where a settlement fails it touches nothing but the error") {
  for (const auto& [answer, code] : std::vector<std::pair<std::string, int>>{
           {"-DENIED SETTLE is not for this user (shm_users, shm_groups)\r\n", -EPERM},
           {"-ERR limit 'api' takes no permits back: its settle is off\r\n", -EREMOTEIO},
           {"-NOLIMIT no limit named 'api'\r\n", -ENOENT},
           {"+OK\r\n", -EPROTO},
           {":\r\n", -EPROTO},
           {":1x\r\n", -EPROTO},
           {"$1\r\n1\r\n", -EPROTO},
           {"*1\r\n:1\r\n", -EPROTO},
           {":1\r\n:1\r\n", -EPROTO},
           {std::string(4096, '0'), -EPROTO}}) {
    CAPTURE(answer);
    TempDir dir;
    Script script({answer, ":3\r\n"});
    Daemon daemon(dir.socket(), script.serve());
    OpenClient client(dir.socket());
    const Settled settled = settle(client.limit(), 5, 2);
    CHECK(settled.rc == code);
    CHECK(settled.back == kUntouched);
    CHECK(!settled.text.empty());
    CHECK(settle(client.limit(), 5, 2).back == 3);
  }
}

TEST_CASE("arguments of a settlement out of range are refused without asking") {
  TempDir dir;
  Script script({":0\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  rategate_limit* limit = client.limit();
  const std::int64_t above = RATEGATE_MAX_COST + 1LL;
  CHECK(settle(limit, -1, 0).rc == -EINVAL);
  CHECK(settle(limit, above, 0).rc == -EINVAL);
  CHECK(settle(limit, 0, -1).rc == -EINVAL);
  CHECK(settle(limit, 0, above).rc == -EINVAL);
  CHECK(settle(limit, 1, 0, "", -1).rc == -EINVAL);
  CHECK(settle(limit, 1, 0, std::string(513, 'k')).rc == -EINVAL);
  CHECK(settle(nullptr, 1, 0).rc == -EINVAL);
  std::int64_t back = 0;
  CHECK(rategate_settle(limit, nullptr, 1, 1, 0, 0, &back, nullptr) == -EINVAL);
  CHECK(rategate_settle(limit, nullptr, 0, 1, 0, 0, nullptr, nullptr) == -EINVAL);
  CHECK(script.requests().empty());
}

TEST_CASE("with receipts a check is asked by CHECKX, and a peek as ever") {
  TempDir dir;
  Script script({map_of(decision_pairs()), decision(true, 100, 41, 0, 412, 0)});
  Daemon daemon(dir.socket(), script.serve());
  const OpenClient client = with_receipts(dir);
  check_is_as_told(check(client.limit(), "alice", 2));
  rategate_decision peeked;
  REQUIRE(rategate_peek(client.limit(), nullptr, 0, 1, &peeked, nullptr) == 0);
  CHECK(peeked.window_end_ms == 0);
  CHECK(script.requests() ==
        std::vector<Words>{{"CHECKX", "api", "alice", "COST", "2"}, {"PEEK", "api"}});
}

TEST_CASE("of CHECKX's answer the order and what is not known do not matter") {
  Pairs more = decision_pairs();
  more.insert(more.begin(), {"a later field", bulk("of\r\nsome value")});
  more.insert(more.begin() + 4, {"another", ":-7\r\n"});
  more.emplace_back("nothing", "$-1\r\n");
  more.emplace_back("long", bulk(std::string(1000, 'x')));
  const Pairs known = decision_pairs();
  for (const Pairs& pairs :
       {more, Pairs(known.rbegin(), known.rend()), without(decision_pairs(), "rule")}) {
    TempDir dir;
    Daemon daemon(dir.socket(), [&](Peer& peer) {
      peer.request();
      peer.trickle(map_of(pairs));
      peer.request();
      peer.send(map_of(pairs));
      peer.wait_for_end();
    });
    const OpenClient client = with_receipts(dir);
    check_is_as_told(check(client.limit()));
    check_is_as_told(acquire(client.limit(), 0));
    CHECK(daemon.connections() == 1);
  }
}

TEST_CASE("an answer to CHECKX of another shape is refused and touches nothing") {
  const Pairs good = decision_pairs();
  Pairs nested = good;
  nested.emplace_back("list", "*1\r\n:1\r\n");
  Pairs endless = good;
  endless.emplace_back("long", bulk(std::string(4096, 'x')));
  for (const std::string& answer : {
           std::string("+OK\r\n"),
           allowed(),
           std::string("*0\r\n"),
           std::string("*-1\r\n"),
           std::string("*1\r\n:1\r\n"),
           std::string("*2\r\n:1\r\n:1\r\n"),
           std::string("*2\r\n$7\r\nallowedxx:1\r\n"),
           map_of(without(good, "receipt")),
           map_of(without(good, "allowed")),
           map_of(with(good, "receipt", bulk("1"))),
           map_of(with(good, "receipt", ":-1\r\n")),
           map_of(with(good, "receipt", ":99999999999999999999\r\n")),
           map_of(with(good, "allowed", ":2\r\n")),
           map_of(with(good, "reason", ":-1\r\n")),
           map_of(nested),
           map_of(endless),
           map_of(good) + ":1\r\n",
       }) {
    CAPTURE(answer);
    TempDir dir;
    Script script({answer, map_of(good)});
    Daemon daemon(dir.socket(), script.serve());
    const OpenClient client = with_receipts(dir);
    rategate_decision decision;
    std::memset(&decision, 0x5a, sizeof decision);
    const rategate_decision before = decision;
    CHECK(rategate_check(client.limit(), "", 0, 1, &decision, nullptr) == -EPROTO);
    CHECK(std::memcmp(&decision, &before, sizeof decision) == 0);
    check_is_as_told(check(client.limit()));
    CHECK(daemon.connections() == 2);
  }
}

TEST_CASE("a daemon without CHECKX is another error") {
  TempDir dir;
  Daemon daemon(dir.socket(), always("-ERR unknown command 'CHECKX'\r\n"));
  CHECK(check(with_receipts(dir).limit()).rc == -EREMOTEIO);
}

TEST_CASE("a settlement asks the daemon although the pool in shared memory has permits") {
  Fixture f;
  rg_slot* slot = f.pool(10);
  rategate_limit* limit = f.attached();
  const Outcome taken = check(limit, "", 4);
  REQUIRE(in_place(taken));
  CHECK(taken.decision.window_end_ms == f.end_ms);  // which is its receipt
  CHECK(settle(limit, 4, 1).rc == -EPROTO);         // this daemon knows checks only
  CHECK(Segment::permits(slot) == 6);
}
