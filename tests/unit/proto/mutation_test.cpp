// A million mutated requests from a fixed seed: none crashes the daemon or gets anything but one
// well-formed reply.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/proto/fake_daemon.hpp"
#include "tests/unit/proto/resp_reply.hpp"

namespace rategate::test {
namespace {

constexpr std::size_t kMost = 1024;

std::vector<std::string> seeds() {
  return {
      request({"CHECK", "api"}),
      request({"CHECK", "api", "user:42", "COST", "3"}),
      request({"CHECK", "new", "LIMIT", "10", "PERIOD", "250ms"}),
      request({"check", "new", "k", "period", "1d", "limit", "7", "cost", "2"}),
      "CHECK api\r\n",
      "CHECK api \"user \\x41\\n\" COST 3\r\n",
      "CHECK api 'it\\'s' LIMIT 1 PERIOD 1s\r\n",
      request({"PING"}),
      request({"ECHO", "hello"}),
      request({"HELLO", "3", "AUTH", "default", "x", "SETNAME", "joe"}),
      "HELLO 2\r\n",
      request({"SELECT", "0"}),
      request({"AUTH", "x"}),
      request({"CLIENT", "SETNAME", "joe"}),
      request({"CLIENT", "SETINFO", "LIB-NAME", "py"}),
      request({"CLIENT", "LIST"}),
      "CLIENT INFO\r\n",
      "CLIENT NO-TOUCH ON\r\n",
      request({"COMMAND", "DOCS", "ping", "check"}),
      request({"COMMAND", "INFO", "ping", "nosuch"}),
      "COMMAND COUNT\r\n",
      "INFO limits\r\n",
      request({"LIMITS"}),
      "RESET\r\n",
      request({"QUIT"}),
      "*0\r\n",
      "*-1\r\n",
      "\r\n",
  };
}

// The engine's numbers are the same everywhere; the library's distributions are not.
class Mutator {
 public:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }

  std::string mutated(const std::vector<std::string>& from) {
    std::string bytes = from[below(from.size())];
    for (std::size_t times = below(4); times > 0; --times) mutate(bytes, from);
    return bytes;
  }

 private:
  char byte() {
    static constexpr std::string_view kTelling("*$\r\n\"'\\ x019-+:\0\x7f\xff", 19);
    return below(2) == 0 ? kTelling[below(kTelling.size())] : static_cast<char>(below(256));
  }

  void mutate(std::string& bytes, const std::vector<std::string>& from) {
    const std::size_t at = below(bytes.size() + 1);
    switch (below(7)) {
      case 0:
        if (at < bytes.size()) bytes[at] = byte();
        break;
      case 1:
        bytes.insert(at, 1, byte());
        break;
      case 2:
        bytes.erase(at, 1 + below(4));
        break;
      case 3:
        bytes.insert(at, bytes.substr(below(bytes.size() + 1), below(32)));
        break;
      case 4:
        bytes.resize(at);
        break;
      case 5:
        bytes.insert(at, from[below(from.size())]);
        break;
      default:
        // Another length or count.
        for (char& c : bytes) {
          if (c >= '0' && c <= '9' && below(8) == 0) c = static_cast<char>('0' + below(10));
        }
    }
  }

  std::mt19937_64 engine_{20240229};
};

}  // namespace

TEST_CASE("a million mutated requests: each has one well-formed reply, or waits for more bytes") {
  const auto from = seeds();
  Mutator mutator;
  FakeService service;
  service.remember = false;
  service.state.limits = {api_limit()};
  service.connections.resize(2);
  service.connections[0].id = 1;
  service.connections[1].id = 2;
  Args args;
  std::string out;
  std::size_t requests = 0;
  std::size_t errors = 0;
  std::size_t incomplete = 0;
  std::size_t skipped = 0;
  std::size_t parked = 0;
  Session session;
  for (int i = 0; i < 1'000'000; ++i) {
    const std::string bytes = mutator.mutated(from);
    if (mutator.below(16) == 0) service.outcomes.emplace_back(Parked{});
    std::string_view rest = bytes;
    bool open = true;
    while (open) {
      out.clear();
      const auto result = parse_request(rest, kMost, args);
      bool fine = true;
      switch (result.kind) {
        case Parsed::Request: {
          ++requests;
          Caller caller(session);
          const Handled handled = answer_whole(caller, service.services(), args, out);
          open = handled != Handled::Close;
          if (handled == Handled::Parked) ++parked;
          fine = handled == Handled::Parked ? out.empty() : is_one_reply(out, session.resp);
          break;
        }
        case Parsed::Skip:
          ++skipped;
          fine = result.consumed > 0;
          break;
        case Parsed::Incomplete:
          ++incomplete;
          open = false;
          fine = result.consumed == 0 && result.need > rest.size() && result.need <= kMost;
          break;
        case Parsed::Error:
          ++errors;
          open = false;
          ReplyWriter(out, session.resp).error(result.error);
          fine = out.starts_with("-ERR Protocol error: ") && is_one_reply(out, session.resp);
          break;
      }
      if (!fine || result.consumed > rest.size()) {
        FAIL("number " << i << ": " << shown(bytes, 4000) << " gave " << shown(out, 4000));
      }
      rest.remove_prefix(result.consumed);
    }
    service.outcomes.clear();
    if (i % 1000 == 0) session = Session{};
  }
  // The mutations are of use only while they reach all of it.
  CHECK(requests > 500'000);
  CHECK(errors > 100'000);
  CHECK(incomplete > 100'000);
  CHECK(skipped > 10'000);
  CHECK(parked > 1'000);
}

}  // namespace rategate::test
