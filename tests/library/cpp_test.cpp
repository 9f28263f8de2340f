// rategate.hpp: decorated functions of every kind, and the exceptions.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <rategate/rategate.hpp>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/library/fake_daemon.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

namespace {

rategate::Client client_of(const TempDir& dir) {
  rategate::Options options;
  options.socket_path = dir.socket();
  options.timeout = std::chrono::seconds(20);
  return rategate::Client(options);
}

struct Account {
  std::string owner;  // g++ 12 warns inside std::invoke about objects smaller than a pointer
  int balance = 0;
  int add(int amount) { return balance += amount; }
  int read() const { return balance; }
};

int twice(int number) { return 2 * number; }

// Counts what happens to it.
struct Tracker {
  Tracker() = default;
  Tracker(const Tracker& other) : copies(other.copies + 1), moves(other.moves) {}
  Tracker(Tracker&& other) noexcept : copies(other.copies), moves(other.moves + 1) {}
  int copies = 0;
  int moves = 0;
};

}  // namespace

TEST_CASE("a decorated function has its own arguments and result") {
  TempDir dir;
  Daemon daemon(dir.socket(), always(allowed()));
  const rategate::Client client = client_of(dir);

  CHECK(rategate::limited(client, "api", twice)(21) == 42);

  int called = 0;
  auto nothing = rategate::limited(client, "api", [&] { ++called; });
  static_assert(std::is_void_v<decltype(nothing())>);
  nothing();
  CHECK(called == 1);

  auto move_only = rategate::limited(
      client, "api", [](std::unique_ptr<int> number) { return std::make_unique<long>(*number); });
  static_assert(std::is_same_v<decltype(move_only(nullptr)), std::unique_ptr<long>>);
  CHECK(*move_only(std::make_unique<int>(7)) == 7);

  int target = 1;
  auto by_reference = rategate::limited(client, "api", [](int& number) -> int& { return number; });
  static_assert(std::is_same_v<decltype(by_reference(target)), int&>);
  by_reference(target) = 9;
  CHECK(target == 9);

  auto pass = rategate::limited(client, "api", [](Tracker&& tracker) { return tracker.copies; });
  CHECK(pass(Tracker()) == 0);
  auto inspect = rategate::limited(
      client, "api", [](const Tracker& tracker) { return tracker.copies + tracker.moves; });
  const Tracker tracker;
  CHECK(inspect(tracker) == 0);

  static_assert(std::is_invocable_v<decltype(inspect), Tracker>);
  static_assert(!std::is_invocable_v<decltype(inspect), std::string>);
}

TEST_CASE("member functions, and objects with state") {
  TempDir dir;
  Daemon daemon(dir.socket(), always(allowed()));
  const rategate::Client client = client_of(dir);
  Account account;
  CHECK(rategate::limited(client, "api", &Account::add)(account, 5) == 5);
  CHECK(rategate::limited(client, "api", &Account::add)(&account, 5) == 10);
  CHECK(rategate::limited(client, "api", &Account::read)(std::as_const(account)) == 10);

  auto counter = rategate::limited(client, "api", [n = 0]() mutable { return ++n; });
  CHECK(counter() == 1);
  CHECK(counter() == 2);
  auto copy = counter;
  CHECK(copy() == 3);
  CHECK(counter() == 3);
  static_assert(!std::is_invocable_v<const decltype(counter)&>);

  const auto constant = rategate::limited(client, "api", twice);
  CHECK(constant(1) == 2);

  auto owner = rategate::limited(client, "api",
                                 [held = std::make_unique<int>(3)]() mutable { return *held; });
  auto moved = std::move(owner);
  CHECK(moved() == 3);
  CHECK(std::move(moved)() == 3);
}

TEST_CASE("what is asked for by each way to decorate") {
  TempDir dir;
  Script script({allowed()});
  Daemon daemon(dir.socket(), script.serve());
  const rategate::Client client = client_of(dir);
  rategate::rate_per_second(client, 100, twice)(1);
  rategate::rate_per_second(client, 50, twice, "mail")(1);
  rategate::limited(client, "api", twice)(1);
  setenv("RATEGATE_SOCKET", dir.socket().c_str(), 1);
  rategate::rate_per_second(100, twice)(1);
  rategate::rate_per_second(50, twice, std::string("mail"))(1);
  rategate::limited("api", twice)(1);
  unsetenv("RATEGATE_SOCKET");
  const std::vector<Words> each = {
      {"CHECK", "rate-limit", "LIMIT", "100", "PERIOD", "1000ms"},
      {"CHECK", "mail", "LIMIT", "50", "PERIOD", "1000ms"},
      {"CHECK", "api"},
  };
  std::vector<Words> expected = each;
  expected.insert(expected.end(), each.begin(), each.end());
  CHECK(script.requests() == expected);
}

TEST_CASE("denied, the function is not called, and the exception says why") {
  TempDir dir;
  Daemon daemon(dir.socket(), always(decision(false, 100, 0, 250, 300, 2)));
  int called = 0;
  auto function = rategate::limited(client_of(dir), "api", [&] { ++called; });
  bool thrown = false;
  try {
    function();
  } catch (const rategate::RateLimitExceeded& denied) {
    thrown = true;
    CHECK(denied.limit() == "api");
    CHECK(denied.reason() == rategate::Reason::StoreAway);
    CHECK(denied.retry_after() == std::chrono::milliseconds(250));
    CHECK(std::string(denied.what()) == "rate limit 'api': the store is away");
  }
  CHECK(thrown);
  CHECK(called == 0);
  static_assert(std::is_nothrow_copy_constructible_v<rategate::RateLimitExceeded>);
  static_assert(!std::is_base_of_v<rategate::RateLimitExceeded, rategate::Unavailable>);
  static_assert(!std::is_base_of_v<rategate::Unavailable, rategate::RateLimitExceeded>);
}

TEST_CASE("without a decision, the function is not called, and another exception says why") {
  TempDir dir;
  int called = 0;
  auto function = rategate::limited(client_of(dir), "apj", [&] { ++called; });
  const auto code_of_call = [&] {
    try {
      function();
    } catch (const rategate::NoDecision& failure) {
      return failure.code();
    }
    return std::error_code();
  };
  CHECK(code_of_call() == std::errc::connection_refused);
  Daemon daemon(dir.socket(), always("-NOLIMIT no limit named 'apj'\r\n"));
  CHECK(code_of_call() == std::errc::no_such_file_or_directory);
  CHECK(called == 0);
}

TEST_CASE("an error about the question is no outage") {
  TempDir dir;
  // A literal: the daemon's thread may still be sending it when the next one is due.
  std::atomic<const char*> answer{""};
  const rategate::Limit limit = client_of(dir).limit("api");
  CHECK_THROWS_AS(limit.check(), rategate::Unavailable);
  Daemon daemon(dir.socket(), [&](Peer& peer) {
    while (!peer.request().empty()) peer.send(answer.load());
  });
  for (const char* outage :
       {"-STOREDOWN the store is away\r\n", "-SHUTDOWN the daemon is stopping\r\n",
        "-ERR max number of clients reached\r\n"}) {
    answer = outage;
    CHECK_THROWS_AS(limit.check(), rategate::Unavailable);
  }
  for (const char* mistake : {"-NOLIMIT no limit named 'api'\r\n", "-ERR key of 600 bytes\r\n",
                              "-NOPERM no\r\n", "-BUSY too many wait\r\n", "+OK\r\n"}) {
    answer = mistake;
    CHECK_THROWS_AS(limit.check(), rategate::Refused);
  }
  CHECK_THROWS_AS(limit.check(std::string(600, 'k')), rategate::Refused);
  CHECK_THROWS_AS(limit.check("k", 0), rategate::Refused);
  static_assert(!std::is_base_of_v<rategate::Unavailable, rategate::Refused>);
}

TEST_CASE("checks with key and cost, waits, commands") {
  TempDir dir;
  Script script({allowed(), denied(5), allowed(), "+PONG\r\n", denied(60'000)});
  Daemon daemon(dir.socket(), script.serve());
  const rategate::Client client = client_of(dir);
  const rategate::Limit limit = client.limit("login", 5, std::chrono::minutes(1));
  CHECK(limit.name() == "login");
  const rategate::Decision decision = limit.check("alice", 2);
  CHECK(decision.allowed);
  CHECK(decision.remaining == 99);
  CHECK(decision.reset_after == std::chrono::milliseconds(412));
  const auto acquired = limit.acquire();
  REQUIRE(acquired.has_value());
  CHECK(acquired->allowed);
  const rategate::Reply reply = client.command({"PING"});
  CHECK(std::string(reply->text, reply->size) == "PONG");
  CHECK(!limit.acquire(std::chrono::milliseconds(5)).has_value());
  std::thread canceller([&] { client.cancel(); });
  CHECK(!limit.acquire().has_value());
  canceller.join();
  CHECK(script.requests().at(0) ==
        Words{"CHECK", "login", "alice", "COST", "2", "LIMIT", "5", "PERIOD", "60000ms"});
}

TEST_CASE("a peek is a decision like that of a check, or the same exceptions") {
  TempDir dir;
  Script script({denied(60), "-NOLIMIT no limit named 'api'\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  const rategate::Limit limit = client_of(dir).limit("api");
  const rategate::Decision decision = limit.peek("alice", 2);
  CHECK(!decision.allowed);
  CHECK(decision.retry_after == std::chrono::milliseconds(60));
  CHECK_THROWS_AS(limit.peek(), rategate::Refused);
  CHECK(script.requests() ==
        std::vector<Words>{{"PEEK", "api", "alice", "COST", "2"}, {"PEEK", "api"}});
}

TEST_CASE("a limit begins anew for a key") {
  TempDir dir;
  Script script({":87\r\n", "-STOREDOWN limit 'api' was not cleared: the store is away\r\n",
                 "-DENIED CLEAR is not for this user (admin_users, admin_groups)\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  rategate::Options options;
  options.socket_path = dir.socket();
  const rategate::Limit limit = rategate::Client(options).limit("api");
  CHECK(limit.clear("alice") == 87);
  CHECK_THROWS_AS(limit.clear(), rategate::Unavailable);
  CHECK_THROWS_AS(limit.clear(), rategate::Refused);
  CHECK(script.requests() ==
        std::vector<Words>{{"CLEAR", "api", "alice"}, {"CLEAR", "api"}, {"CLEAR", "api"}});
}

TEST_CASE("what was used is settled by the decision's receipt") {
  TempDir dir;
  const std::string numbers =
      ":1\r\n$5\r\nlimit\r\n:100\r\n$9\r\nremaining\r\n:42\r\n"
      "$14\r\nretry_after_ms\r\n:0\r\n$14\r\nreset_after_ms\r\n:412\r\n"
      "$6\r\nreason\r\n:0\r\n$7\r\nreceipt\r\n:1700000001000\r\n";
  Script script({"*14\r\n$7\r\nallowed\r\n" + numbers, ":3\r\n",
                 "-DENIED SETTLE is not for this user (shm_users, shm_groups)\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  rategate::Options options;
  options.socket_path = dir.socket();
  options.receipts = true;
  const rategate::Limit limit = rategate::Client(options).limit("api");
  const rategate::Decision taken = limit.check("alice", 5);
  CHECK(taken.receipt() == 1'700'000'001'000);
  CHECK(limit.settle(5, 2, taken.receipt(), "alice") == 3);
  CHECK_THROWS_AS(limit.settle(5, 2, taken.receipt()), rategate::Refused);
  CHECK(script.requests() ==
        std::vector<Words>{
            {"CHECKX", "api", "alice", "COST", "5"},
            {"SETTLE", "api", "alice", "TOOK", "5", "USED", "2", "AT", "1700000001000"},
            {"SETTLE", "api", "TOOK", "5", "USED", "2", "AT", "1700000001000"}});
}

TEST_CASE("a denial has no receipt, wherever it was decided") {
  rategate::Decision denial;
  denial.window_end_ms = 1'700'000'001'000;
  CHECK(denial.receipt() == 0);
}

TEST_CASE("a function keeps its client open") {
  TempDir dir;
  Daemon daemon(dir.socket(), always(allowed()));
  auto function = [&] { return rategate::limited(client_of(dir), "api", twice); }();
  CHECK(function(4) == 8);
}

TEST_CASE("what cannot be is a logic error, told before anything is asked") {
  TempDir dir;
  const rategate::Client client = client_of(dir);
  CHECK_THROWS_AS(client.limit("a b"), std::invalid_argument);
  CHECK_THROWS_AS(client.limit(std::string("api\0x", 5)), std::invalid_argument);
  CHECK_THROWS_AS(client.limit("api", 0, std::chrono::seconds(1)), std::invalid_argument);
  CHECK_THROWS_AS(client.limit("api", 1, std::chrono::milliseconds(1)), std::invalid_argument);
  CHECK_THROWS_AS(rategate::rate_per_second(client, -1, twice), std::invalid_argument);
  rategate::Options options;
  options.timeout = std::chrono::milliseconds(-1);
  CHECK_THROWS_AS(rategate::Client(options), std::invalid_argument);
  options.timeout = {};
  options.socket_path = std::string(200, 'x');
  CHECK_THROWS_AS(rategate::Client(options), std::invalid_argument);
}
