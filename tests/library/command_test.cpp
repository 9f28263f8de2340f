// rategate_command: answers of every shape, whole and in pieces, and what is no answer.
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "tests/library/client_fixture.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

namespace {

struct Answer {
  int rc = 0;
  std::unique_ptr<rategate_reply, decltype(&rategate_reply_free)> reply{nullptr,
                                                                        rategate_reply_free};
  std::string text;

  std::string shown() const { return rc != 0 ? "error " + std::to_string(rc) : show(*reply); }

  // As nested text: 'string' +status -error :1 [array] nil.
  static std::string show(const rategate_reply& node) {
    switch (node.type) {
      case RATEGATE_REPLY_STRING:
        return "'" + std::string(node.text, node.size) + "'";
      case RATEGATE_REPLY_INTEGER:
        return ":" + std::to_string(node.integer);
      case RATEGATE_REPLY_NIL:
        return "nil";
      case RATEGATE_REPLY_ARRAY: {
        std::string text = "[";
        for (std::size_t i = 0; i < node.size; ++i) {
          text += (i > 0 ? " " : "") + show(node.items[i]);
        }
        return text + "]";
      }
      default:
        return static_cast<char>(node.type) + std::string(node.text, node.size);
    }
  }
};

Answer command(rategate_client* client, const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  Answer answer;
  rategate_reply* reply = nullptr;
  rategate_error error{};
  answer.rc = rategate_command(client, words.size(), texts.data(), sizes.data(), &reply, &error);
  answer.reply.reset(reply);
  answer.text = error.text;
  return answer;
}

std::string nested(int arrays) {
  std::string bytes;
  for (int i = 0; i < arrays; ++i) bytes += "*1\r\n";
  return bytes + ":7\r\n";
}

}  // namespace

TEST_CASE("answers of every shape") {
  const std::vector<std::pair<std::string, std::string>> shapes = {
      {"+PONG\r\n", "+PONG"},
      {"+\r\n", "+"},
      {":-12\r\n", ":-12"},
      {"$5\r\na\r\n\tb\r\n", "'a\r\n\tb'"},
      {"$0\r\n\r\n", "''"},
      {"$-1\r\n", "nil"},
      {"*-1\r\n", "nil"},
      {"*0\r\n", "[]"},
      {"*3\r\n:1\r\n*2\r\n$1\r\na\r\n*0\r\n+b\r\n", "[:1 ['a' []] +b]"},
      {"*2\r\n-ERR inside\r\n$-1\r\n", "[-ERR inside nil]"},
      {nested(8), "[[[[[[[[:7]]]]]]]]"},
      {"-ERR no\r\n", "error -121"},
      {"-NOPERM no\r\n", "error -1"},
      {nested(9), "error -71"},
      {"PONG\r\n", "error -71"},
      {std::string("\0\r\n", 3), "error -71"},
      {"\n", "error -71"},
      {"$3\r\nabcd\r\n", "error -71"},
      {"$-2\r\n", "error -71"},
      {"$\r\n", "error -71"},
      {"*1x\r\n", "error -71"},
      {"*99999999999999999999\r\n", "error -71"},
      {"$536870913\r\n", "error -71"},
      {"%1\r\n+a\r\n+b\r\n", "error -71"},
      {"+OK\r\n+OK\r\n", "error -71"},
  };
  for (const auto& [bytes, shown] : shapes) {
    CAPTURE(bytes);
    TempDir dir;
    Daemon at_once(dir.socket(), always(bytes));
    CHECK(command(OpenClient(dir.socket()).get(), {"ANY"}).shown() == shown);

    TempDir other;
    Daemon in_pieces(other.socket(), [&, &wire = bytes](Peer& peer) {
      peer.request();
      peer.trickle(wire);
      peer.wait_for_end();
    });
    const std::string piecewise = command(OpenClient(other.socket()).get(), {"ANY"}).shown();
    // What comes after an answer can be seen only when it comes with it.
    CHECK((piecewise == shown || bytes == "+OK\r\n+OK\r\n"));
  }
}

TEST_CASE("the words are sent as they are, with sizes and without") {
  TempDir dir;
  Script script({"+OK\r\n"});
  Daemon daemon(dir.socket(), script.serve());
  OpenClient client(dir.socket());
  const std::string bytes("\0\r\n\xff", 4);
  CHECK(command(client.get(), {"ECHO", bytes, ""}).rc == 0);
  const char* const texts[] = {"CLIENT", "GETNAME"};
  rategate_reply* reply = nullptr;
  REQUIRE(rategate_command(client.get(), 2, texts, nullptr, &reply, nullptr) == 0);
  CHECK(std::string(reply->text) == "OK");
  rategate_reply_free(reply);
  CHECK(command(client.get(), Words(64, "x")).rc == 0);
  CHECK(script.requests() ==
        std::vector<Words>{{"ECHO", bytes, ""}, {"CLIENT", "GETNAME"}, Words(64, "x")});
}

TEST_CASE("large words and large answers, up to a bound") {
  TempDir dir;
  Daemon daemon(dir.socket(), [](Peer& peer) {
    for (Words words = peer.request(); !words.empty(); words = peer.request()) {
      const std::string& word = words.at(1);
      peer.send("*2\r\n$" + std::to_string(word.size()) + "\r\n" + word + "\r\n:1\r\n");
    }
  });
  OpenClient client(dir.socket());
  const std::string large(3'000'000, 'x');
  CHECK(command(client.get(), {"ECHO", large}).shown() == "['" + large + "' :1]");
  CHECK(command(client.get(), {"ECHO", std::string(16 * 1024 * 1024, 'x')}).rc == -EMSGSIZE);
  CHECK(command(client.get(), {"ECHO", "small"}).shown() == "['small' :1]");
}

TEST_CASE("a command survives a restart, and its mistakes are refused") {
  TempDir dir;
  auto daemon = std::make_unique<Daemon>(dir.socket(), always("+PONG\r\n"));
  OpenClient client(dir.socket());
  CHECK(command(client.get(), {"PING"}).shown() == "+PONG");
  daemon.reset();
  daemon = std::make_unique<Daemon>(dir.socket(), always("+PONG\r\n"));
  CHECK(command(client.get(), {"PING"}).shown() == "+PONG");
  CHECK(command(client.get(), {}).rc == -EINVAL);
  CHECK(command(client.get(), Words(65, "x")).rc == -EINVAL);
  const char* const texts[] = {"PING"};
  CHECK(rategate_command(client.get(), 1, texts, nullptr, nullptr, nullptr) == -EINVAL);
  rategate_reply_free(nullptr);
}
