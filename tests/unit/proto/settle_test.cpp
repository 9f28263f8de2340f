// SETTLE and REFUND: which words are what, what reaches the daemon, and what is refused before.
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/proto/fake_daemon.hpp"

namespace rategate::test {
namespace {

using Said = std::array<std::int64_t, 3>;  // took, used, receipt

const std::string kSettleWords =
    "<limit> [<key>] TOOK <n> USED <n> AT <receipt> [LIMIT <n> PERIOD <p>]";
const std::string kRefundWords = "<limit> [<key>] COST <n> AT <receipt> [LIMIT <n> PERIOD <p>]";

// Keeps what it was told of whom.
struct Whose : FakeService {
  std::string key;
  bool keyed = false;
  std::optional<Rate> declared;

  SettleOutcome settle(const Caller& caller, const SettleRequest& request) override {
    key = request.check.key;
    keyed = request.check.keyed;
    declared = request.check.declared;
    return FakeService::settle(caller, request);
  }
};

struct Settles {
  Whose service;
  Connection connection{service};

  std::string ask(const std::string& bytes) { return connection.ask(bytes); }
};

// That the request is refused so, and the daemon is not asked.
void check_refused(const std::string& bytes, const std::string& error) {
  Settles settles;
  INFO(bytes);
  CHECK(settles.ask(bytes) == "-" + error + "\r\n");
  CHECK(settles.service.settled.empty());
}

}  // namespace

TEST_CASE("the words of SETTLE and REFUND come in any order and any case") {
  for (const char* bytes :
       {"SETTLE api alice TOOK 500 USED 620 AT 1700000001000\r\n",
        "settle api alice at 1700000001000 used 620 took 500\r\n",
        "Settle api alice UsEd 620 LIMIT 5 tOoK 500 PERIOD 1s At 1700000001000\r\n"}) {
    Settles settles;
    CHECK(settles.ask(bytes) == ":-120\r\n");
    CHECK(settles.service.settled == std::vector<Said>{{500, 620, 1'700'000'001'000}});
  }
  for (const char* bytes :
       {"REFUND api COST 3 AT 1700000001000\r\n", "refund api aT 1700000001000 CoSt 3\r\n",
        "Refund api k period 1s at 1700000001000 limit 9 cost 3\r\n"}) {
    Settles settles;
    CHECK(settles.ask(bytes) == ":3\r\n");
    CHECK(settles.service.settled == std::vector<Said>{{3, 0, 1'700'000'001'000}});
  }
}

TEST_CASE("an odd number of words behind the limit of a SETTLE starts with the key") {
  Settles settles;
  const Whose& seen = settles.service;
  CHECK(settles.ask("SETTLE api TOOK 5 USED 4 AT 9\r\n") == ":1\r\n");
  CHECK((!seen.keyed && seen.key.empty() && !seen.declared));
  CHECK(settles.ask("SETTLE api TOOK TOOK 5 USED 4 AT 9\r\n") == ":1\r\n");
  CHECK((seen.keyed && seen.key == "TOOK"));
  CHECK(settles.ask("REFUND api AT COST 5 AT 9\r\n") == ":5\r\n");
  CHECK((seen.keyed && seen.key == "AT"));
  CHECK(settles.ask("REFUND api '' COST 5 AT 9\r\n") == ":5\r\n");
  CHECK_FALSE(seen.keyed);
  CHECK(settles.ask("REFUND api k COST 5 AT 9 LIMIT 7 PERIOD 250ms\r\n") == ":5\r\n");
  REQUIRE(seen.declared);
  CHECK((seen.declared->permits == 7 && seen.declared->period_ms == 250));
}

TEST_CASE("the ends of the ranges of a SETTLE are inside them") {
  Settles settles;
  CHECK(settles.ask("SETTLE api TOOK 0 USED 1000000000 AT 0\r\n") == ":-1000000000\r\n");
  CHECK(settles.ask("SETTLE api TOOK 1000000000 USED 0 AT 9007199254740991\r\n") ==
        ":1000000000\r\n");
  CHECK(settles.ask("REFUND api COST 1 AT 0\r\n") == ":1\r\n");
  CHECK(settles.ask("REFUND api COST 1000000000 AT 9007199254740991\r\n") == ":1000000000\r\n");
  CHECK(settles.ask(request({"REFUND", "api", std::string(512, '\n'), "COST", "1", "AT", "0"})) ==
        ":1\r\n");
}

TEST_CASE("what a SETTLE has to say and does not is named") {
  const std::string settle = " is missing: expected SETTLE " + kSettleWords;
  const std::string refund = " is missing: expected REFUND " + kRefundWords;
  check_refused("SETTLE api\r\n", "ERR TOOK" + settle);
  check_refused("SETTLE api k\r\n", "ERR TOOK" + settle);
  check_refused("SETTLE api USED 1 AT 1\r\n", "ERR TOOK" + settle);
  check_refused("settle api TOOK 1 AT 1\r\n", "ERR USED" + settle);
  check_refused("SETTLE api TOOK 1 USED 1\r\n", "ERR AT" + settle);
  check_refused("REFUND api\r\n", "ERR COST" + refund);
  check_refused("REFUND api AT 1\r\n", "ERR COST" + refund);
  check_refused("refund api COST 1\r\n", "ERR AT" + refund);
  check_refused("SETTLE\r\n", "ERR wrong number of arguments for 'settle' command");
  check_refused("REFUND\r\n", "ERR wrong number of arguments for 'refund' command");
  check_refused("SETTLE api TOOK 1 USED 1 AT 1 LIMIT 5\r\n",
                "ERR LIMIT and PERIOD go together: one of them is missing");
  check_refused("REFUND api COST 1 AT 1 PERIOD 1s\r\n",
                "ERR LIMIT and PERIOD go together: one of them is missing");
}

TEST_CASE("what a SETTLE says twice, or in vain, is named") {
  check_refused("SETTLE api TOOK 1 USED 1 AT 1 AT 1\r\n", "ERR AT is given twice");
  check_refused("SETTLE api took 1 TOOK 1 USED 1 AT 1\r\n", "ERR TOOK is given twice");
  check_refused("SETTLE api TOOK 1 USED 1 uSeD 1 AT 1\r\n", "ERR USED is given twice");
  check_refused("REFUND api COST 1 COST 2 AT 1\r\n", "ERR COST is given twice");
  check_refused("SETTLE api COST 1 AT 1\r\n",
                "ERR syntax error at 'COST': expected SETTLE " + kSettleWords);
  check_refused("REFUND api TOOK 1 AT 1\r\n",
                "ERR syntax error at 'TOOK': expected REFUND " + kRefundWords);
  check_refused("REFUND api COST 1 AT 1 USED 1\r\n",
                "ERR syntax error at 'USED': expected REFUND " + kRefundWords);
  // The key is the first of an odd number of words, whatever it looks like.
  check_refused("REFUND api COST 1 AT 1 k\r\n",
                "ERR syntax error at '1': expected REFUND " + kRefundWords);
}

TEST_CASE("numbers of a SETTLE that are none are shown") {
  for (const std::string word : {"-1", "1000000001", "1.5", "x", "''", "+1", "0x1"}) {
    const std::string shown = word == "''" ? "" : word;
    const std::string amount = "ERR invalid number of permits '" + shown +
                               "': expected a whole number from 0 to 1000000000";
    check_refused("SETTLE api TOOK " + word + " USED 1 AT 1\r\n", amount);
    check_refused("SETTLE api TOOK 1 USED " + word + " AT 1\r\n", amount);
    check_refused("REFUND api COST " + word + " AT 1\r\n",
                  "ERR invalid cost '" + shown + "': expected a whole number from 1 to 1000000000");
  }
  check_refused("REFUND api COST 0 AT 1\r\n",
                "ERR invalid cost '0': expected a whole number from 1 to 1000000000");
  for (const std::string word : {"-1", "9007199254740992", "now", "1.0"}) {
    const std::string error =
        "ERR invalid receipt '" + word + "': expected the number that CHECKX told";
    check_refused("SETTLE api TOOK 1 USED 1 AT " + word + "\r\n", error);
    check_refused("REFUND api COST 1 AT " + word + "\r\n", error);
  }
}

TEST_CASE("limit, key and rate of a SETTLE are those of a CHECK") {
  check_refused("REFUND a:b COST 1 AT 1\r\n",
                "ERR invalid limit name 'a:b': expected 1 to 64 letters, digits or any of _-./@");
  check_refused(request({"REFUND", "api", std::string(513, 'k'), "COST", "1", "AT", "1"}),
                "ERR key of 513 bytes: expected at most 512");
  check_refused("SETTLE api TOOK 1 USED 1 AT 1 LIMIT 0 PERIOD 1s\r\n",
                "ERR invalid limit '0': expected a whole number from 1 to 1000000000");
  check_refused("REFUND api COST 1 AT 1 LIMIT 1 PERIOD 1ms\r\n",
                "ERR invalid period '1ms': expected a duration from 10ms to 31d, such as 250ms, "
                "1s or 5min");
}

TEST_CASE("what the daemon refuses of a SETTLE is told") {
  Settles settles;
  CHECK(settles.ask("REFUND ap1 COST 1 AT 1\r\n") ==
        "-NOLIMIT no limit named 'ap1'; did you mean 'api'?\r\n");
  CHECK(error_text(ErrorId::SettleOff, {"api"}) ==
        "ERR limit 'api' takes no permits back: its settle is off");
}

TEST_CASE("who may not use shared memory is denied, whatever it says") {
  Settles settles;
  settles.service.trusted = false;
  for (const char* words :
       {"api COST 1 AT 1", "nowhere COST 1 AT 1", "api COST x", "a:b COST 1 AT 1", "api"}) {
    CHECK(settles.ask("REFUND " + std::string(words) + "\r\n") ==
          "-DENIED REFUND is not for this user (shm_users, shm_groups)\r\n");
  }
  for (const char* words : {"api TOOK 1 USED 1 AT 1", "nowhere TOOK 1 USED 1 AT 1", "api TOOK x"}) {
    CHECK(settles.ask("settle " + std::string(words) + "\r\n") ==
          "-DENIED SETTLE is not for this user (shm_users, shm_groups)\r\n");
  }
  CHECK(settles.service.settled.empty());
  CHECK(settles.ask("CHECK api\r\n").starts_with("*6\r\n:1\r\n"));
}

TEST_CASE("a SETTLE is answered by a number in both protocols, each in its place") {
  for (const int resp : {2, 3}) {
    Settles settles;
    settles.connection.session.resp = resp;
    CHECK(settles.ask("REFUND api COST 3 AT 1\r\nSETTLE api TOOK 1 USED 1 AT 1\r\n"
                      "SETTLE api TOOK 0 USED 2 AT 0\r\n") == ":3\r\n:0\r\n:-2\r\n");
    CHECK(settles.service.settled == std::vector<Said>{{3, 0, 1}, {1, 1, 1}, {0, 2, 0}});
  }
}

}  // namespace rategate::test
