// rategate::Entry: work that has entered for as long as an object lives.
#include <chrono>
#include <optional>
#include <rategate/rategate.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/library/fake_daemon.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

namespace {

const std::string kEntered = "*5\r\n:1\r\n:3\r\n:2\r\n:0\r\n:7\r\n";
const std::string kFull = "*5\r\n:0\r\n:3\r\n:0\r\n:20\r\n:0\r\n";
const std::string kLeft = ":1\r\n";

rategate::Limit limit_of(const TempDir& dir) {
  rategate::Options options;
  options.socket_path = dir.socket();
  options.timeout = std::chrono::seconds(20);
  return rategate::Client(options).limit("work");
}

}  // namespace

TEST_CASE("an entry leaves at the end of its scope, also by an exception") {
  TempDir dir;
  Script script({kEntered, kLeft});
  Daemon daemon(dir.socket(), script.serve());
  try {
    const auto entry = limit_of(dir).enter("alice", 2);  // the entry keeps the client open
    CHECK(bool(entry));
    CHECK(entry.decision().allowed);
    CHECK(entry.decision().limit == 3);
    CHECK(entry.decision().remaining == 2);
    throw std::runtime_error("work");
  } catch (const std::runtime_error&) {
  }
  CHECK(script.requests() ==
        std::vector<Words>{{"ENTER", "work", "alice", "COST", "2"}, {"LEAVE", "7"}});
}

TEST_CASE("who is denied has no entry, and no LEAVE is said") {
  TempDir dir;
  Script script({kFull});
  Daemon daemon(dir.socket(), script.serve());
  auto entry = limit_of(dir).enter();
  CHECK(!entry);
  CHECK(entry.decision().reason == rategate::Reason::OverLimit);
  CHECK(entry.decision().retry_after == std::chrono::milliseconds(20));
  CHECK(!entry.stay());
  CHECK(!entry.leave());
  CHECK(script.requests().size() == 1);
}

TEST_CASE("an entry is moved, and left once") {
  using rategate::Entry;
  static_assert(!std::is_copy_constructible_v<Entry> && !std::is_copy_assignable_v<Entry>);
  static_assert(std::is_nothrow_move_constructible_v<Entry>);
  static_assert(std::is_nothrow_move_assignable_v<Entry>);
  static_assert(std::is_nothrow_destructible_v<Entry>);
  static_assert(!std::is_convertible_v<Entry, bool>);
  TempDir dir;
  Script script({kEntered, kEntered, kLeft, kLeft});
  Daemon daemon(dir.socket(), script.serve());
  const rategate::Limit limit = limit_of(dir);
  Entry first = limit.enter();
  Entry second = limit.enter();
  Entry moved = std::move(first);
  CHECK(moved.stay());
  moved = std::move(second);  // leaves what it had
  CHECK(script.requests().size() == 3);
  CHECK(moved.leave());
  CHECK(!moved);
  CHECK(!moved.leave());
  moved = Entry();
  CHECK(script.requests().size() == 4);
}

TEST_CASE("an entry that is lost says so; one by time is renewed") {
  TempDir dir;
  Script script({kEntered, ":1\r\n", ":0\r\n", "-SHUTDOWN the daemon is stopping\r\n"});
  std::optional<Daemon> daemon(std::in_place, dir.socket(), script.serve());
  const rategate::Limit limit = limit_of(dir);
  auto timed = limit.enter({}, 1, std::nullopt, std::chrono::seconds(5));
  CHECK(timed.stay());
  CHECK(!timed.stay());
  CHECK_THROWS_AS(timed.stay(), rategate::Unavailable);
  CHECK(script.requests().at(0) == Words{"ENTER", "work", "TIMEOUT", "60000", "FOR", "5000"});
  daemon.reset();
  CHECK(!timed.leave());

  Script other({kEntered});
  daemon.emplace(dir.socket(), other.serve());
  auto entry = limit.enter();
  CHECK(entry.stay());
  daemon.reset();
  CHECK(!entry.stay());
  CHECK(!entry.leave());
}

TEST_CASE("an entry by time is detached, and does not leave then") {
  TempDir dir;
  Script script({kEntered, kEntered, kLeft});
  Daemon daemon(dir.socket(), script.serve());
  const rategate::Limit limit = limit_of(dir);
  {
    auto timed = limit.enter({}, 1, std::nullopt, std::chrono::seconds(5));
    CHECK(timed.detach() == 7);
    CHECK(!timed);
    CHECK_THROWS_AS(timed.detach(), rategate::Refused);
  }
  CHECK(script.requests().size() == 1);
  auto tied = limit.enter();
  CHECK_THROWS_AS(tied.detach(), rategate::Refused);
  CHECK(tied.leave());
}

TEST_CASE("where there is no decision, entering throws as a check does") {
  TempDir dir;
  CHECK_THROWS_AS(limit_of(dir).enter(), rategate::Unavailable);
  Daemon daemon(dir.socket(), always("-ERR limit 'work' is no limit of concurrency\r\n"));
  CHECK_THROWS_AS(limit_of(dir).enter(), rategate::Refused);
  CHECK_THROWS_AS(limit_of(dir).enter({}, 0), rategate::Refused);
}
