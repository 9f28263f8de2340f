// CHECK: which words are the key, what reaches the daemon, and what its outcome becomes.
#include <string>
#include <string_view>

#include "tests/unit/catch.hpp"
#include "tests/unit/proto/fake_daemon.hpp"

namespace rategate::test {
namespace {

using namespace std::string_literals;

const std::string kAllowedReply = "*6\r\n:1\r\n:100\r\n:99\r\n:0\r\n:412\r\n:0\r\n";

// What the daemon is asked by a request that is in order.
SeenCheck seen(const std::string& bytes) {
  FakeService service;
  Connection connection(service);
  REQUIRE(connection.ask(bytes) == kAllowedReply);
  REQUIRE(service.seen.size() == 1);
  return service.seen[0];
}

}  // namespace

TEST_CASE("an odd number of words behind the limit starts with the key") {
  const SeenCheck bare = seen("CHECK api\r\n");
  CHECK(bare.limit == "api");
  CHECK(bare.key.empty());
  CHECK_FALSE(bare.keyed);
  CHECK(bare.cost == 1);
  CHECK_FALSE(bare.declared);

  const SeenCheck key = seen("check api COST\r\n");
  CHECK(key.key == "COST");
  CHECK(key.keyed);
  CHECK(key.cost == 1);

  const SeenCheck cost = seen("CHECK api cost 2\r\n");
  CHECK_FALSE(cost.keyed);
  CHECK(cost.cost == 2);

  const SeenCheck both = seen("CHECK api COST COST 3\r\n");
  CHECK(both.key == "COST");
  CHECK(both.cost == 3);

  const SeenCheck empty = seen("CHECK api ''\r\n");
  CHECK_FALSE(empty.keyed);  // or the recipe's counter and that of the empty key would be two
  CHECK(empty.key.empty());
}

TEST_CASE("options come in any order and any case") {
  for (const char* bytes : {"CHECK new k COST 5 LIMIT 10 PERIOD 250ms\r\n",
                            "CHECK new k period 250ms cost 5 limit 10\r\n",
                            "cHeCk new k LiMiT 10 CoSt 5 PeRiOd 250ms\r\n"}) {
    const SeenCheck check = seen(bytes);
    CHECK(check.key == "k");
    CHECK(check.cost == 5);
    CHECK(check.declared);
    CHECK(check.rate.permits == 10);
    CHECK(check.rate.period_ms == 250);
  }
}

TEST_CASE("the ends of the ranges are inside them") {
  const SeenCheck most =
      seen(request({"CHECK", std::string(64, 'a'), std::string(512, '\n'), "COST", "1000000000",
                    "LIMIT", "1000000000", "PERIOD", "31d"}));
  CHECK(most.key == std::string(512, '\n'));
  CHECK(most.cost == 1'000'000'000);
  CHECK(most.rate.permits == 1'000'000'000);
  CHECK(most.rate.period_ms == 31LL * 24 * 3600 * 1000);
  CHECK(seen("CHECK a-Z_0./@ LIMIT 1 PERIOD 10ms\r\n").rate.period_ms == 10);
}

TEST_CASE("a key is bytes of any value") {
  std::string key;
  for (int i = 0; i < 256; ++i) key += static_cast<char>(i);
  CHECK(seen(request({"CHECK", "api", key})).key == key);
}

TEST_CASE("each outcome becomes its reply, in RESP2 and RESP3 alike") {
  for (const int resp : {2, 3}) {
    FakeService service;
    Connection connection(service);
    connection.session.resp = resp;
    service.outcomes.emplace_back(kDenied);
    CHECK(connection.ask("CHECK api\r\n") == "*6\r\n:0\r\n:100\r\n:0\r\n:412\r\n:412\r\n:1\r\n");
    service.outcomes.emplace_back(Refused{error_text(ErrorId::StoreDown, {"api"})});
    CHECK(connection.ask("CHECK api\r\n") ==
          "-STOREDOWN the store is away, and limit 'api' answers with an error\r\n");
    service.outcomes.emplace_back(Parked{});
    CHECK(connection.ask("CHECK api\r\n").empty());
    CHECK(connection.parked == 1);
  }
}

TEST_CASE("a check is answered although output buffers are full") {
  FakeService service;
  service.full = true;
  Connection connection(service);
  CHECK(connection.ask("CHECK api\r\n") == kAllowedReply);
}

TEST_CASE("copies that stand right behind a check are answered with it, and nothing else is") {
  FakeService service;
  service.repeatable = 1000;
  Session session;
  Caller caller(session);
  const std::string request = "CHECK api k COST 2\r\n";
  const auto answer = [&](const std::string& behind, const Args& args) {
    std::string out;
    caller.request = request;
    caller.behind = behind;
    caller.repeats = 0;
    CHECK(dispatch(caller, service.services(), args, out) == Handled::Replied);
    return out;
  };
  Args args;
  Progress progress;
  REQUIRE(parse_request(request, 1000, args, progress).kind == Parsed::Request);

  CHECK(answer("", args) == kAllowedReply);
  CHECK(caller.repeats == 0);
  CHECK(answer("CHECK api k COST 3\r\n" + request, args) == kAllowedReply);
  CHECK(caller.repeats == 0);
  // The last of them has not arrived whole.
  const std::string three = answer(request + request + request.substr(0, 10), args);
  CHECK(caller.repeats == 2);
  CHECK(three == kAllowedReply + "*6\r\n:1\r\n:100\r\n:97\r\n:0\r\n:412\r\n:0\r\n" +
                     "*6\r\n:1\r\n:100\r\n:95\r\n:0\r\n:412\r\n:0\r\n");

  service.repeatable = 1;
  answer(request + request, args);
  CHECK(caller.repeats == 1);
  CHECK(answer(request + request, args) == kAllowedReply);
  CHECK(caller.repeats == 0);

  // Where answers have to wait for others, the connection shows nothing to repeat.
  caller.request = caller.behind = {};
  std::string out;
  dispatch(caller, service.services(), args, out);
  CHECK(out == kAllowedReply);
}

TEST_CASE("PEEK is asked and answered like CHECK, and takes nothing") {
  FakeService service;
  Connection connection(service);
  CHECK(connection.ask("PEEK api\r\n") == kAllowedReply);
  CHECK_FALSE(service.seen.back().takes);
  CHECK(connection.ask("PEEK api alice COST 3 LIMIT 5 PERIOD 1s\r\n") == kAllowedReply);
  const SeenCheck& seen = service.seen.back();
  CHECK((seen.key == "alice" && seen.cost == 3 && seen.declared && !seen.takes));
  CHECK(connection.ask("PEEK api COST 0 k\r\n").starts_with("-"));
  CHECK(connection.ask("PEEK\r\n").starts_with("-"));
  // Copies behind it are asked one by one.
  service.repeatable = 9;
  const std::size_t before = service.seen.size();
  connection.ask("PEEK api\r\nPEEK api\r\n");
  CHECK(service.seen.size() == before + 2);
}

}  // namespace rategate::test
