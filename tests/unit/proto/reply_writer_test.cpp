#include "daemon/proto/resp/reply_writer.hpp"

#include <cstdint>
#include <string>

#include "tests/unit/catch.hpp"

namespace rategate::test {
namespace {

using namespace std::string_literals;

template <class Write>
std::string written(int resp, Write write) {
  std::string out;
  ReplyWriter reply(out, resp);
  write(reply);
  return out;
}

}  // namespace

TEST_CASE("what RESP2 and RESP3 share") {
  for (const int resp : {2, 3}) {
    CHECK(written(resp, [](ReplyWriter& r) { r.ok(); }) == "+OK\r\n");
    CHECK(written(resp, [](ReplyWriter& r) { r.error("ERR no"); }) == "-ERR no\r\n");
    CHECK(written(resp, [](ReplyWriter& r) { r.integer(INT64_MIN); }) ==
          ":-9223372036854775808\r\n");
    CHECK(written(resp, [](ReplyWriter& r) { r.bulk("a\0\r\n"s); }) == "$4\r\na\0\r\n\r\n"s);
    CHECK(written(resp, [](ReplyWriter& r) { r.bulk(""); }) == "$0\r\n\r\n");
    CHECK(written(resp, [](ReplyWriter& r) { r.array(3); }) == "*3\r\n");
  }
}

TEST_CASE("numbers of every length are written as they are") {
  std::int64_t power = 1;
  for (int digits = 1; digits <= 18; ++digits, power *= 10) {
    for (const std::int64_t value : {power - 1, power, power + 1, power * 9 + power / 2, -power}) {
      CHECK(written(2, [&](ReplyWriter& r) { r.integer(value); }) ==
            ":" + std::to_string(value) + "\r\n");
      std::string out;
      write_decision(out, {true, Reason::Counted, value, value, 0, 7});
      const std::string number = std::to_string(value);
      CHECK(out == "*6\r\n:1\r\n:" + number + "\r\n:" + number + "\r\n:0\r\n:7\r\n:0\r\n");
    }
  }
}

TEST_CASE("what differs between RESP2 and RESP3") {
  CHECK(written(2, [](ReplyWriter& r) { r.null(); }) == "$-1\r\n");
  CHECK(written(3, [](ReplyWriter& r) { r.null(); }) == "_\r\n");
  CHECK(written(2, [](ReplyWriter& r) { r.map(3); }) == "*6\r\n");
  CHECK(written(3, [](ReplyWriter& r) { r.map(3); }) == "%3\r\n");
  CHECK(written(2, [](ReplyWriter& r) { r.set(3); }) == "*3\r\n");
  CHECK(written(3, [](ReplyWriter& r) { r.set(3); }) == "~3\r\n");
  CHECK(written(2, [](ReplyWriter& r) { r.text("a\r\n"); }) == "$3\r\na\r\n\r\n");
  CHECK(written(3, [](ReplyWriter& r) { r.text("a\r\n"); }) == "=7\r\ntxt:a\r\n\r\n");
}

TEST_CASE("nothing in a line can end it early") {
  CHECK(written(2, [](ReplyWriter& r) { r.simple("a\r\nb\0c\x7f"s); }) == "+a  b c \r\n");
  CHECK(written(2, [](ReplyWriter& r) { r.error("ERR \n:1\r\n"); }) == "-ERR  :1  \r\n");
}

TEST_CASE("a decision is six integers") {
  std::string out = "x";
  write_decision(out, {true, Reason::Counted, 100, 99, 0, 412});
  CHECK(out == "x*6\r\n:1\r\n:100\r\n:99\r\n:0\r\n:412\r\n:0\r\n");
  out.clear();
  write_decision(out, {false, Reason::NeverFits, 1, 0, -1, 5});
  CHECK(out == "*6\r\n:0\r\n:1\r\n:0\r\n:-1\r\n:5\r\n:3\r\n");
  out.clear();
  write_decision(out, {false, Reason::ClockNotTrusted, INT64_MAX, INT64_MIN, INT64_MIN, INT64_MIN});
  CHECK(out ==
        "*6\r\n:0\r\n:9223372036854775807\r\n:-9223372036854775808\r\n:-9223372036854775808\r\n"
        ":-9223372036854775808\r\n:4\r\n");
}

TEST_CASE("answers to copies are those that each would have got, with what is left going down") {
  for (const Decision& decision :
       {Decision{true, Reason::Counted, 1'000'000, 12, 0, 412},
        Decision{true, Reason::Counted, INT64_MAX, 100'001, 0, 9},
        Decision{false, Reason::OverLimit, 100, 3, INT64_MAX, INT64_MAX}}) {
    const std::int64_t taken = decision.allowed ? 4 : 0;
    std::string one_by_one = "before";
    Decision next = decision;
    for (int i = 0; i < 5; ++i) {
      next.remaining = std::max<std::int64_t>(0, next.remaining - taken);
      write_decision(one_by_one, next);
    }
    std::string at_once = "before";
    write_repeated(at_once, decision, taken, 5);
    CHECK(at_once == one_by_one);
  }
}

}  // namespace rategate::test
