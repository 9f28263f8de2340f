// rategate_clear: what it says to the daemon, and what it makes of the answer.
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "tests/library/client_fixture.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

namespace {

constexpr std::int64_t kUntouched = 77;

struct Cleared {
  int rc = 0;
  std::int64_t held = kUntouched;
  std::string text;
};

Cleared clear(rategate_limit* limit, std::string_view key = {}) {
  Cleared cleared;
  rategate_error error{};
  cleared.rc = rategate_clear(limit, key.data(), key.size(), &cleared.held, &error);
  cleared.text = error.text;
  return cleared;
}

}  // namespace

TEST_CASE("a clear is asked over the socket, and answered by what was held") {
  TempDir dir;
  Script script({":87\r\n", ":0\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  CHECK(clear(client.limit(), "alice").held == 87);
  CHECK(clear(client.limit("mine", 5, 1000)).held == 0);
  CHECK(script.requests() ==
        std::vector<std::vector<std::string>>{{"CLEAR", "api", "alice"},
                                              {"CLEAR", "mine", "LIMIT", "5", "PERIOD", "1000ms"}});
}

TEST_CASE("where a clear fails it touches nothing but the error") {
  for (const auto& [answer, code] : std::vector<std::pair<std::string, int>>{
           {"-DENIED CLEAR is not for this user (admin_users, admin_groups)\r\n", -EPERM},
           {"-STOREDOWN limit 'api' was not cleared: the store is away\r\n", -EAGAIN},
           {"-ERR unknown command 'CLEAR'\r\n", -EREMOTEIO},
           {"-NOLIMIT no limit named 'api'\r\n", -ENOENT},
           {"+OK\r\n", -EPROTO},
           {":1x\r\n", -EPROTO}}) {
    CAPTURE(answer);
    TempDir dir;
    Script script({answer, ":3\r\n"});
    Daemon daemon(dir.socket(), script.serve());
    OpenClient client(dir.socket());
    const Cleared cleared = clear(client.limit());
    CHECK(cleared.rc == code);
    CHECK(cleared.held == kUntouched);
    CHECK(!cleared.text.empty());
    CHECK(clear(client.limit()).held == 3);
  }
}

TEST_CASE("arguments of a clear out of range are refused without asking") {
  TempDir dir;
  Script script({":0\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  std::int64_t held = 0;
  CHECK(clear(client.limit(), std::string(513, 'k')).rc == -EINVAL);
  CHECK(clear(nullptr).rc == -EINVAL);
  CHECK(rategate_clear(client.limit(), nullptr, 1, &held, nullptr) == -EINVAL);
  CHECK(rategate_clear(client.limit(), nullptr, 0, nullptr, nullptr) == -EINVAL);
  CHECK(script.requests().empty());
}
