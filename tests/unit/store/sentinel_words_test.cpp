// What is said to a sentinel, and what is made of what it says.
#include <string>
#include <string_view>
#include <vector>

#include "daemon/store/redis/words.hpp"
#include "daemon/store/sentinel/words.hpp"
#include "tests/reply_tree.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

// A reply as it comes; the text that is read must outlive what is made of it.
template <class Read>
auto read(const std::string& reply, Read what) {
  std::string_view rest = reply;
  const auto tree = ReplyTree::read(rest);
  REQUIRE(tree);
  return what(tree->view());
}

Result<HostPort> primary(const std::string& reply) {
  return read(reply, [](const ReplyView& view) { return parse_primary(view, "m"); });
}

auto replicas(const std::string& reply) { return read(reply, parse_replicas); }

const std::string kReplica =
    "*6\r\n$4\r\nname\r\n$3\r\nx:1\r\n$2\r\nip\r\n$8\r\n10.0.0.2\r\n$4\r\nport\r\n$4\r\n6379\r\n";

}  // namespace

TEST_CASE("the requests, as Redis takes them") {
  CHECK(primary_request("m") ==
        "*3\r\n$8\r\nSENTINEL\r\n$23\r\nGET-MASTER-ADDR-BY-NAME\r\n$1\r\nm\r\n");
  CHECK(replicas_request("m") == "*3\r\n$8\r\nSENTINEL\r\n$8\r\nREPLICAS\r\n$1\r\nm\r\n");
  CHECK(login_request("", "p") == "*2\r\n$4\r\nAUTH\r\n$1\r\np\r\n");
  CHECK(login_request("u", "p") == "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n");
  CHECK(listen_request() ==
        "*1\r\n$4\r\nPING\r\n*2\r\n$9\r\nSUBSCRIBE\r\n$14\r\n+switch-master\r\n");
}

TEST_CASE("the primary that a sentinel names") {
  CHECK(*primary("*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n") == HostPort{"10.0.0.1", 6379});
  CHECK(*primary("*2\r\n$3\r\n::1\r\n$1\r\n7\r\n") == HostPort{"::1", 7});
  CHECK(primary("$-1\r\n").error() == "it knows no master m");
  CHECK(primary("-NOAUTH x\r\n").error() == "NOAUTH x");
  for (const char* reply : {":1\r\n", "+x\r\n", "*0\r\n", "*1\r\n$1\r\na\r\n",
                            "*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n1\r\n", "*2\r\n:1\r\n:2\r\n",
                            "*2\r\n$0\r\n\r\n$1\r\n1\r\n", "*2\r\n$1\r\na\r\n$1\r\n0\r\n",
                            "*2\r\n$1\r\na\r\n$5\r\n65536\r\n", "*2\r\n$3\r\na:1\r\n$1\r\n1\r\n",
                            "*2\r\n$2\r\na \r\n$1\r\n1\r\n"}) {
    INFO(reply);
    CHECK_FALSE(primary(reply));
  }
}

TEST_CASE("the replicas that a sentinel lists") {
  using List = std::vector<HostPort>;
  CHECK(replicas("*0\r\n") == List{});
  CHECK(replicas("*2\r\n" + kReplica + kReplica) == List{{"10.0.0.2", 6379}, {"10.0.0.2", 6379}});
  // One that cannot be read is not left out: then none of them is known.
  CHECK_FALSE(replicas("*2\r\n" + kReplica + ":1\r\n"));
  CHECK_FALSE(replicas("*1\r\n*2\r\n$2\r\nip\r\n$1\r\na\r\n"));
  CHECK_FALSE(replicas("-NOPERM x\r\n"));
  CHECK_FALSE(replicas("$-1\r\n"));
  std::string many = "*129\r\n";
  for (int i = 0; i < 129; ++i) many += kReplica;
  CHECK_FALSE(replicas(many));
}
