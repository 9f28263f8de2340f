#include "daemon/proto/resp/request_parser.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/proto/fake_daemon.hpp"

namespace rategate::test {
namespace {

using namespace std::string_literals;

constexpr std::size_t kMost = 8192;

std::vector<std::string> words(const Args& args) { return {args.words.begin(), args.words.end()}; }

// All that a parse gives, so that two can be compared.
struct Seen {
  Parsed kind;
  std::size_t consumed;
  std::string error;
  std::vector<std::string> args;
  bool operator==(const Seen&) const = default;
};

Seen parse(std::string_view bytes, std::size_t most = kMost) {
  Args args;
  const ParseResult result = parse_request(bytes, most, args);
  Seen seen{result.kind, result.consumed, result.error, {}};
  if (result.kind == Parsed::Request) seen.args = words(args);
  return seen;
}

}  // namespace

TEST_CASE("a multibulk is read in place, whatever bytes it holds") {
  const std::string bytes = "*3\r\n$5\r\nCHECK\r\n$0\r\n\r\n$6\r\na\0\r\n*$\r\nPING\r\n"s;
  Args args;
  const ParseResult result = parse_request(bytes, kMost, args);
  REQUIRE(result.kind == Parsed::Request);
  CHECK(result.consumed == bytes.size() - 6);
  CHECK(words(args) == std::vector{"CHECK"s, ""s, "a\0\r\n*$"s});
  for (const std::string_view word : args.words) {
    CHECK(word.data() >= bytes.data());
    CHECK(word.data() + word.size() <= bytes.data() + bytes.size());
  }
}

TEST_CASE("what has nothing to answer is skipped") {
  for (const char* bytes : {"*0\r\n", "*-1\r\n", "*-99999999999\r\n", "*-9223372036854775808\r\n",
                            "\r\n", "\n", "  \t \r\n", "\v\f\n"}) {
    INFO(shown(bytes));
    const Seen seen = parse(std::string(bytes) + "PING\r\n");
    CHECK(seen.kind == Parsed::Skip);
    CHECK(seen.consumed == std::string_view(bytes).size());
  }
}

TEST_CASE("a request may have exactly max_request bytes") {
  const std::string most = request({"ECHO", std::string(8192 - 24, 'x')});
  REQUIRE(most.size() == kMost - 1);
  const std::string exact = request({"ECHO", std::string(8192 - 23, 'x')});
  REQUIRE(exact.size() == kMost);
  const std::string above = request({"ECHO", std::string(8192 - 22, 'x')});
  CHECK(parse(most).kind == Parsed::Request);
  CHECK(parse(exact).kind == Parsed::Request);
  CHECK(parse(above).kind == Parsed::Error);
  CHECK(parse("PING" + std::string(8187, ' ') + "\n").kind == Parsed::Request);
  CHECK(parse("PING" + std::string(8188, ' ') + "\n").kind == Parsed::Error);

  std::string small = "*1364\r\n";
  while (small.size() + 6 <= kMost) small += "$0\r\n\r\n";
  CHECK(parse(small).args.size() == 1364);
}

TEST_CASE("an inline request is at most 64 KiB, as in Redis, even where max_request is more") {
  constexpr std::size_t kMega = 1024 * 1024;
  const std::string line(64 * 1024 - 1, 'x');
  CHECK(parse(line, kMega).kind == Parsed::Incomplete);
  CHECK(parse(line + "\n", kMega).kind == Parsed::Request);
  CHECK(parse(line + "x", kMega).error == "ERR Protocol error: too big inline request");
  CHECK(parse("*1\r\n$" + std::string(70000, '1'), kMega).error ==
        "ERR Protocol error: too big bulk count string");
  CHECK(parse("*" + std::string(70000, '1'), kMega).error ==
        "ERR Protocol error: too big mbulk count string");
}

TEST_CASE("a line that does not fit any more is too big, though it could be a number") {
  // The last argument's line would end behind the request's last byte.
  const std::string start = "*2\r\n$" + std::to_string(kMost - 19) + "\r\n";
  const std::string bytes = start + std::string(kMost - 19, 'x') + "\r\n";
  REQUIRE(bytes.size() == kMost - 6);
  CHECK(parse(bytes).kind == Parsed::Incomplete);
  CHECK(parse(bytes + "$0\r\n\r\n").kind == Parsed::Request);
  CHECK(parse(bytes + "$0000").error ==
        "ERR Protocol error: request of more than 8192 bytes (max_request)");
}

TEST_CASE("a count costs no memory before its arguments are there") {
  Args args;
  CHECK(parse_request("*1000000\r\n", 64 * 1024 * 1024, args).kind == Parsed::Incomplete);
  CHECK(args.words.capacity() < 16);
}

TEST_CASE("what more is needed is told: the rest of an argument, or one byte more") {
  Args args;
  CHECK(parse_request("", kMost, args).need == 1);
  CHECK(parse_request("PING", kMost, args).need == 5);
  CHECK(parse_request("*1\r", kMost, args).need == 4);
  CHECK(parse_request("*1\r\n$10", kMost, args).need == 8);
  CHECK(parse_request("*1\r\n$10\r\n", kMost, args).need == 21);
  CHECK(parse_request("*1\r\n$10\r\n12345", kMost, args).need == 21);
}

TEST_CASE("a request is the same at every split, with and without what the last call knew") {
  const std::string requests[] = {
      request({"PING"}),
      request({"CHECK", "api", "user:42", "COST", "3"}),
      request({"ECHO", std::string(40, 'x'), ""}),
      "CHECK api \"a b\\x41\" COST 2\r\n",
      "PING\n",
      "*0\r\n",
      "\r\n",
      "*2\r\n$4\r\nPING\r\n$x\r\n",
      "*1\r\n$4\r\nPINGxx",
      "\"a\r\n",
      "*12345678901\r\n",
  };
  for (const std::string& bytes : requests) {
    INFO(shown(bytes));
    const Seen whole = parse(bytes);
    REQUIRE(whole.kind != Parsed::Incomplete);
    for (std::size_t first = 0; first <= bytes.size(); ++first) {
      for (std::size_t second = first; second <= bytes.size(); ++second) {
        Args args;
        Progress progress;
        ParseResult result;
        for (const std::size_t end : {first, second, bytes.size()}) {
          // A copy each time: the bytes of a buffer that grows do not stay where they were.
          const std::string part = bytes.substr(0, end);
          const Seen fresh = parse(part);
          result = parse_request(part, kMost, args, progress);
          REQUIRE(result.kind == fresh.kind);
          REQUIRE(result.error == fresh.error);
          if (result.kind != Parsed::Incomplete) {
            REQUIRE(fresh == whole);
            REQUIRE(result.consumed == whole.consumed);
            if (result.kind == Parsed::Request) REQUIRE(words(args) == whole.args);
            break;
          }
          REQUIRE(result.need > part.size());
          REQUIRE(result.need <= kMost);
        }
        REQUIRE(result.kind == whole.kind);
      }
    }
  }
}

TEST_CASE("a long request in small pieces is read once, not once for each piece") {
  // A million bytes of tiny arguments, one byte at a time: read from its start each time this is
  // 10^11 steps, and the test would not end.
  std::string bytes = "*170000\r\n";
  for (int i = 0; i < 170000; ++i) bytes += "$0\r\n\r\n";
  Args args;
  Progress progress;
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const auto result =
        parse_request(std::string_view(bytes).substr(0, size), 1 << 20, args, progress);
    if (result.kind != Parsed::Incomplete) FAIL("ended at byte " << size);
  }
  CHECK(parse_request(bytes, 1 << 20, args, progress).kind == Parsed::Request);
  CHECK(args.size() == 170000);
}

TEST_CASE("pipelined requests are answered in order at every split") {
  const std::string bytes = "PING a\r\n" + request({"ECHO", "b"}) + "\r\n*0\r\n" +
                            request({"HELLO", "9"}) + "CHECK api COST x\r\nCHECK api\r\nQUIT\r\n" +
                            "PING never\r\n";
  FakeService service;
  Connection whole(service);
  const std::string expected = whole.ask(bytes);
  CHECK(whole.closed);
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    Connection connection(service);
    connection.feed(std::string_view(bytes).substr(0, split));
    connection.feed(std::string_view(bytes).substr(split));
    REQUIRE(connection.out == expected);
    REQUIRE(connection.closed);
  }
}

}  // namespace rategate::test
