// Replies as hiredis reads them, seen through the view.
#include "daemon/io/redis/reply_view.hpp"

#include <memory>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

class Reply {
 public:
  explicit Reply(std::string_view resp) {
    const std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader(redisReaderCreate(),
                                                                          redisReaderFree);
    void* reply = nullptr;
    REQUIRE(redisReaderFeed(reader.get(), resp.data(), resp.size()) == REDIS_OK);
    REQUIRE(redisReaderGetReply(reader.get(), &reply) == REDIS_OK);
    REQUIRE(reply != nullptr);
    reply_.reset(static_cast<redisReply*>(reply));
  }
  ReplyView view() const { return view_of(*reply_); }

 private:
  struct Free {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
  };
  std::unique_ptr<redisReply, Free> reply_;
};

using Kind = ReplyView::Kind;

}  // namespace

TEST_CASE("a view tells what a reply is, and has what it holds") {
  CHECK(Reply(":-5\r\n").view().kind() == Kind::Integer);
  CHECK(Reply(":-5\r\n").view().integer() == -5);
  const Reply text(std::string_view("$3\r\na\0b\r\n", 9));
  CHECK(text.view().kind() == Kind::Text);
  CHECK(text.view().bytes() == std::string_view("a\0b", 3));
  const Reply status("+OK\r\n");
  CHECK(status.view().kind() == Kind::Text);
  CHECK(status.view().bytes() == "OK");
  const Reply error("-ERR no\r\n");
  CHECK(error.view().kind() == Kind::Error);
  CHECK(error.view().bytes() == "ERR no");
  CHECK(Reply("$-1\r\n").view().kind() == Kind::Other);
}

TEST_CASE("an array's replies are seen in their places") {
  const Reply reply("*4\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n$-1\r\n*0\r\n");
  const ReplyView view = reply.view();
  REQUIRE(view.is_array_of(4));
  CHECK(view[0].integer() == 1);
  REQUIRE(view[1].is_array_of(2));
  CHECK(view[1][0].integer() == 2);
  CHECK(view[1][1].bytes() == "x");
  CHECK(view[2].kind() == Kind::Other);
  CHECK(view[3].is_array_of(0));
}

TEST_CASE("what a reply is not, it has nothing of") {
  const Reply number(":5\r\n");
  CHECK(number.view().bytes().empty());
  CHECK(number.view().size() == 0);
  CHECK_FALSE(number.view().is_array_of(0));
  const Reply text("$1\r\n7\r\n");
  CHECK(text.view().integer() == 0);
  CHECK(text.view().size() == 0);
}
