// Malformed input, with the exact answer of each. Where Redis 7 has an answer to the same bytes it
// is this one; those that differ say so.
#include <string>
#include <string_view>

#include "tests/unit/catch.hpp"
#include "tests/unit/proto/fake_daemon.hpp"
#include "tests/unit/proto/resp_reply.hpp"

namespace rategate::test {
namespace {

using namespace std::string_literals;

struct Case {
  std::string bytes;
  std::string answer;
  bool closes;
};

const std::string kCount = "-ERR Protocol error: invalid multibulk length\r\n";
const std::string kLength = "-ERR Protocol error: invalid bulk length\r\n";
const std::string kQuotes = "-ERR Protocol error: unbalanced quotes in request\r\n";
const std::string kCrlf = "-ERR Protocol error: expected CRLF after an argument\r\n";
const std::string kTooBig =
    "-ERR Protocol error: request of more than 8192 bytes (max_request)\r\n";
const std::string kInline = "-ERR Protocol error: too big inline request\r\n";
const std::string kSyntax =
    ": expected CHECK <limit> [<key>] [COST <n>] [LIMIT <n> PERIOD <p>]\r\n";

std::string dollar(const std::string& got) {
  return "-ERR Protocol error: expected '$', got '" + got + "'\r\n";
}
std::string arity(const std::string& verb) {
  return "-ERR wrong number of arguments for '" + verb + "' command\r\n";
}
std::string cell(const std::string& text) { return "-Cell error: Store error: " + text + "\r\n"; }
std::string unknown(const std::string& verb, const std::string& arguments = "") {
  return "-ERR unknown command '" + verb + "', with args beginning with: " + arguments + "\r\n";
}
std::string other_protocol(const std::string& name) {
  return "-ERR Protocol error: this is " + name + ", not the Redis protocol\r\n";
}
std::string bad_cost(const std::string& word) {
  return "-ERR invalid cost '" + word + "': expected a whole number from 1 to 1000000000\r\n";
}
std::string bad_limit(const std::string& word) {
  return "-ERR invalid limit '" + word + "': expected a whole number from 1 to 1000000000\r\n";
}
std::string bad_period(const std::string& word) {
  return "-ERR invalid period '" + word +
         "': expected a duration from 10ms to 31d, such as 250ms, 1s or 5min\r\n";
}
std::string bad_name(const std::string& word) {
  return "-ERR invalid limit name '" + word +
         "': expected 1 to 64 letters, digits or any of _-./@\r\n";
}

const Case kCases[] = {
    // The count of arguments.
    {"*\r\n", kCount, true},
    {"*x\r\n", kCount, true},
    {"*1x\r\n", kCount, true},
    {"*+1\r\n", kCount, true},
    {"*01\r\n", kCount, true},
    {"*00\r\n", kCount, true},
    {"*-0\r\n", kCount, true},
    {"*--1\r\n", kCount, true},
    {"*-\r\n", kCount, true},
    {"* 1\r\n", kCount, true},
    {"*1 \r\n", kCount, true},
    {"*0x1\r\n", kCount, true},
    {"*1.0\r\n", kCount, true},
    {"*2147483648\r\n", kCount, true},
    {"*9223372036854775807\r\n", kCount, true},
    {"*99999999999999999999\r\n", kCount, true},
    {"*1\n\r\n", kCount, true},
    {"**1\r\n", kCount, true},
    {"*1\rX", kCount, true},        // Redis does not look at the byte behind CR
    {"*\0001\r\n"s, kCount, true},  // Redis waits for ever
    {"*" + std::string(8191, '1'), "-ERR Protocol error: too big mbulk count string\r\n", true},
    // Requests of more than max_request, which Redis does not have.
    {"*2147483647\r\n", kTooBig, true},
    {"*1365\r\n", kTooBig, true},
    {"*1\r\n$8192\r\n", kTooBig, true},
    {"*1\r\n$536870912\r\n", kTooBig, true},
    {"*1364\r\n$3\r\nfoo\r\n", kTooBig, true},
    // What an argument starts with.
    {"*1\r\nPING\r\n", dollar("P"), true},
    {"*2\r\n$4\r\nPING\r\n:1\r\n", dollar(":"), true},
    {"*1\r\n*1\r\n", dollar("*"), true},
    {"*1\r\n\r\n", dollar("\\r"), true},        // Redis shows a space
    {"*1\r\n\nx\r\n", dollar("\\n"), true},     // Redis shows a space
    {"*1\r\n\x01\r\n", dollar("\\x01"), true},  // Redis sends the byte
    {"*1\r\n\0\r\n"s, dollar("\\x00"), true},   // Redis waits for ever
    {"*1\r\n\xff\r\n", dollar("\\xff"), true},  // Redis sends the byte
    {"*2\r\n$4\r\nPING\r\n\t4\r\n", dollar("\\t"), true},
    // The length of an argument.
    {"*1\r\n$\r\n", kLength, true},
    {"*1\r\n$x\r\n", kLength, true},
    {"*1\r\n$-1\r\n", kLength, true},
    {"*1\r\n$-0\r\n", kLength, true},
    {"*1\r\n$+4\r\n", kLength, true},
    {"*1\r\n$04\r\n", kLength, true},
    {"*1\r\n$4 \r\nPING\r\n", kLength, true},
    {"*1\r\n$4x\r\nPING\r\n", kLength, true},
    {"*1\r\n$536870913\r\n", kLength, true},
    {"*1\r\n$99999999999999999999\r\n", kLength, true},
    {"*1\r\n$4\rXPING\r\n", kLength, true},  // Redis does not look at the byte behind CR
    {"*1\r\n$" + std::string(8191, '1'), "-ERR Protocol error: too big bulk count string\r\n",
     true},
    // Where an argument ends. Redis looks at none of these.
    {"*1\r\n$4\r\nPINGxx", kCrlf, true},
    {"*1\r\n$4\r\nPING\n\n", kCrlf, true},
    {"*1\r\n$3\r\nPING\r\n", kCrlf, true},
    {"*1\r\n$4\r\nPING\r*", kCrlf, true},
    {"*1\r\n$5\r\nPING\r\n*", kCrlf, true},
    // Inline requests.
    {"\"PING\r\n", kQuotes, true},
    {"'PING\r\n", kQuotes, true},
    {"\"PING\"x\r\n", kQuotes, true},
    {"'PING'x\r\n", kQuotes, true},
    {"ECHO \"a\\\"\r\n", kQuotes, true},
    {"ECHO \"a\\", "", false},  // a line without an end: more may come
    {"ECHO 'a\\'\r\n", kQuotes, true},
    {"ECHO \"\\\r\n", kQuotes, true},
    {"ECHO 'a'\"b\"\r\n", kQuotes, true},
    {std::string(8192, 'x'), kInline, true},
    {std::string(8192, ' '), kInline, true},
    {"PING " + std::string(8192, 'x') + "\r\n", kInline, true},
    {"$4\r\nPING\r\n", unknown("$4") + "+PONG\r\n", false},
    {"+PING\r\n", unknown("+PING"), false},

    // Another protocol. Redis knows POST and Host: only, and says nothing to them.
    {"GET / HTTP/1.1\r\n", other_protocol("HTTP"), true},
    {"POST / HTTP/1.1\r\nHost: x\r\n\r\nCHECK api\r\n", other_protocol("HTTP"), true},
    {"put / HTTP/1.1\n", other_protocol("HTTP"), true},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", other_protocol("HTTP"), true},
    {"Host: x\r\n", other_protocol("HTTP"), true},
    {"content-type:text/plain\r\n", unknown("content-type:text/plain"), false},
    {"\x16\x03\x01", other_protocol("TLS"), true},
    {"*2\r\n$3\r\nGET\r\n$1\r\n/\r\n", unknown("GET", "'/' "), false},
    {"PI\0NG\r\n"s, unknown("PI\\x00NG"), false},  // Redis waits for ever
    {"\x1b[2J\xc3\xa4\r\n", unknown("\\x1b[2J\\xc3\\xa4"), false},
    // Verbs and their number of words.
    {"*1\r\n$0\r\n\r\n", unknown(""), false},
    {"*1\r\n$4\r\n\r\n\r\n\r\n", unknown("\\r\\n\\r\\n"), false},
    {request({"foo", "bar\r\nbaz", "q\x01"}), unknown("foo", "'bar\\r\\nbaz' 'q\\x01' "), false},
    {request({std::string(200, 'a'), std::string(100, 'b'), std::string(100, 'c'), "d"}),
     unknown(std::string(128, 'a'),
             "'" + std::string(100, 'b') + "' '" + std::string(25, 'c') + "' "),
     false},
    {"CHECKS api\r\n", unknown("CHECKS", "'api' "), false},
    {"client|id\r\n", unknown("client|id"), false},
    {"CLIENT\r\n", arity("client"), false},
    {"CL.THROTTLE k 1 1\r\n",
     cell("Usage: cl.throttle <key> <max_burst> <count per period> <period> [<quantity>]"), false},
    {"CL.THROTTLE k 1 1 x\r\n", cell("Couldn't parse as integer: x"), false},
    {"CL.THROTTLE k 1 1 \"\"\r\n", cell("Couldn't parse as integer: "), false},
    {"CL.THROTTLE k 1.5 1 1\r\n", cell("Couldn't parse as integer: 1.5"), false},
    {"CL.THROTTLE k 1 0 1\r\n", cell("Zero rates are not supported"), false},
    {"CL.THROTTLE k 1 1 0\r\n", cell("Zero rates are not supported"), false},
    {"CL.THROTTLE k -1 1 1\r\n",
     cell("max_burst -1 is out of range: expected a whole number from 0 to 999999999"), false},
    {"CL.THROTTLE k 1 99999999999999999999 1\r\n",
     cell("count 99999999999999999999 is out of range: expected a whole number from 0 to "
          "1000000000"),
     false},
    {"CL.THROTTLE k 1 1 2678401\r\n",
     cell("period 2678401 is out of range: expected a whole number from 0 to 2678400"), false},
    {"CL.THROTTLE k 1 1 1 -1\r\n",
     cell("quantity -1 is out of range: expected a whole number from 0 to 1000000000"), false},
    {"CL.THROTTLE k 105 1 2678400\r\n",
     cell("a bucket of 106 permits at 1/31d takes more than 3257d to fill; expected a smaller "
          "burst, or a higher rate"),
     false},
    {"CLIENT KILL x\r\n", "-ERR unknown subcommand 'KILL'. Try CLIENT HELP.\r\n", false},
    {"command get\\n\r\n", "-ERR unknown subcommand 'get\\n'. Try COMMAND HELP.\r\n", false},
    {"CLIENT SETNAME\r\n", arity("client|setname"), false},
    {"CLIENT ID x\r\n", arity("client|id"), false},
    {"COMMAND COUNT x\r\n", arity("command|count"), false},
    {"PING a b\r\n", arity("ping"), false},
    {"ECHO\r\n", arity("echo"), false},
    {"LIMITS x\r\n", arity("limits"), false},
    {"RESET x\r\n", arity("reset"), false},
    {"AUTH\r\n", arity("auth"), false},
    {"CHECK\r\n", arity("check"), false},
    // CHECK's own words.
    {"CHECK \"\"\r\n", bad_name(""), false},
    {"CHECK a:b\r\n", bad_name("a:b"), false},
    {"CHECK \"a\\nb\"\r\n", bad_name("a\\nb"), false},
    {"CHECK " + std::string(65, 'a') + "\r\n", bad_name(std::string(65, 'a')), false},
    {"CHECK " + std::string(300, 'a') + "\r\n", bad_name(std::string(128, 'a')), false},
    {"CHECK api " + std::string(513, 'k') + "\r\n",
     "-ERR key of 513 bytes: expected at most 512\r\n", false},
    {"CHECK api k COSTS 1\r\n", "-ERR syntax error at 'COSTS'" + kSyntax, false},
    {"CHECK api k COST 1 LIMIT 1 PERIODS 1s\r\n", "-ERR syntax error at 'PERIODS'" + kSyntax,
     false},
    {"CHECK api \"\\x00\" 1\r\n", "-ERR syntax error at '\\x00'" + kSyntax, false},
    {"CHECK api COST 1 COST 1\r\n", "-ERR COST is given twice\r\n", false},
    {"CHECK api LIMIT 1 PERIOD 1s LIMIT 2\r\n", "-ERR LIMIT is given twice\r\n", false},
    {"CHECK api PERIOD 1s period 1s\r\n", "-ERR PERIOD is given twice\r\n", false},
    {"CHECK api COST 0\r\n", bad_cost("0"), false},
    {"CHECK api COST -1\r\n", bad_cost("-1"), false},
    {"CHECK api COST 1.5\r\n", bad_cost("1.5"), false},
    {"CHECK api COST \"\"\r\n", bad_cost(""), false},
    {"CHECK api COST 1000000001\r\n", bad_cost("1000000001"), false},
    {"CHECK api COST 99999999999999999999\r\n", bad_cost("99999999999999999999"), false},
    {"CHECK api LIMIT 1\r\n", "-ERR LIMIT and PERIOD go together: one of them is missing\r\n",
     false},
    {"CHECK api PERIOD 1s\r\n", "-ERR LIMIT and PERIOD go together: one of them is missing\r\n",
     false},
    {"CHECK api LIMIT 0 PERIOD 1s\r\n", bad_limit("0"), false},
    {"CHECK api LIMIT x PERIOD 1s\r\n", bad_limit("x"), false},
    {"CHECK api LIMIT 1 PERIOD 9ms\r\n", bad_period("9ms"), false},
    {"CHECK api LIMIT 1 PERIOD 32d\r\n", bad_period("32d"), false},
    {"CHECK api LIMIT 1 PERIOD 1\r\n", bad_period("1"), false},
    {"CHECK api LIMIT 1 PERIOD \"1s\\r\"\r\n", bad_period("1s\\r"), false},
    // The words of others.
    {"SELECT x\r\n", "-ERR value is not an integer or out of range\r\n", false},
    {"SELECT 1.5\r\n", "-ERR value is not an integer or out of range\r\n", false},
    {"SELECT 99999999999999\r\n", "-ERR value is not an integer or out of range\r\n", false},
    {"SELECT 1\r\n", "-ERR DB index is out of range\r\n", false},
    {"SELECT -1\r\n", "-ERR DB index is out of range\r\n", false},
    {"HELLO x\r\n", "-ERR Protocol version is not an integer or out of range\r\n", false},
    {"HELLO 4\r\n", "-NOPROTO unsupported protocol version\r\n", false},
    {"HELLO 1\r\n", "-NOPROTO unsupported protocol version\r\n", false},
    {"HELLO -1\r\n", "-NOPROTO unsupported protocol version\r\n", false},
    {"HELLO 3 foo\r\n", "-ERR Syntax error in HELLO option 'foo'\r\n", false},
    {"HELLO 3 AUTH a\r\n", "-ERR Syntax error in HELLO option 'AUTH'\r\n", false},
    {"HELLO 3 SETNAME\r\n", "-ERR Syntax error in HELLO option 'SETNAME'\r\n", false},
    {"HELLO 3 SETNAME \"a b\"\r\n",
     "-ERR Client names cannot contain spaces, newlines or special characters.\r\n", false},
    {"HELLO 3 AUTH joe x\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
     false},
    {"AUTH x\r\n",
     "-ERR AUTH called, but no password is set: access is by the permissions of the socket\r\n",
     false},
    {"CLIENT SETNAME \"a\\nb\"\r\n",
     "-ERR Client names cannot contain spaces, newlines or special characters.\r\n", false},
    {"CLIENT SETNAME " + std::string(129, 'n') + "\r\n",
     "-ERR client name is longer than 128 bytes\r\n", false},
    {"CLIENT SETINFO LIB-NAME \"a b\"\r\n",
     "-ERR lib-name cannot contain spaces, newlines or special characters.\r\n", false},
    {"CLIENT SETINFO LIB-VER " + std::string(129, '1') + "\r\n",
     "-ERR lib-ver is longer than 128 bytes\r\n", false},
    {"CLIENT SETINFO LIB x\r\n", "-ERR Unrecognized option 'LIB'\r\n", false},
    {"CLIENT NO-EVICT maybe\r\n", "-ERR syntax error\r\n", false},
    {"CLIENT NO-TOUCH 1\r\n", "-ERR syntax error\r\n", false},
};

}  // namespace

TEST_CASE(
    "malformed input has its exact answer, and after a protocol error the connection closes") {
  STATIC_REQUIRE(std::size(kCases) >= 60);
  for (const Case& c : kCases) {
    INFO(shown(c.bytes));
    FakeService service;
    Connection connection(service);
    CHECK(connection.ask(c.bytes) == c.answer);
    CHECK(connection.closed == c.closes);
    CHECK(service.seen.empty());
    CHECK(connection.session.resp == 2);
    CHECK(connection.session.name.empty());
  }
}

TEST_CASE("malformed input has the same answer when it comes byte by byte") {
  for (const Case& c : kCases) {
    INFO(shown(c.bytes));
    FakeService service;
    Connection connection(service);
    for (const char byte : c.bytes) connection.feed(std::string_view(&byte, 1));
    CHECK(connection.out == c.answer);
    CHECK(connection.closed == c.closes);
  }
}

TEST_CASE("after a protocol error nothing that follows is answered") {
  FakeService service;
  Connection connection(service);
  CHECK(connection.ask("PING\r\n*x\r\nPING\r\n") == "+PONG\r\n" + kCount);
  CHECK(connection.closed);
}

}  // namespace rategate::test
