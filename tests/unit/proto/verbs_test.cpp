// The verb table, and the verbs that ordinary clients of Redis send.
#include <algorithm>
#include <set>
#include <string>

#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/verbs/table.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/proto/fake_daemon.hpp"
#include "tests/unit/proto/resp_reply.hpp"

namespace rategate::test {

TEST_CASE("the table is in order: names, bounds, subcommands named for their command") {
  std::set<std::string_view> names;
  for (const Verb* row : every_row()) {
    const Verb& verb = *row;
    INFO(verb.name);
    const bool is_subcommand = verb.name.find('|') != std::string_view::npos;
    CHECK(names.insert(verb.name).second);
    CHECK(std::none_of(verb.name.begin(), verb.name.end(),
                       [](char c) { return ascii_lower(c) != c; }));
    CHECK(verb.min_words >= (is_subcommand ? 2U : 1U));
    CHECK(verb.max_words >= verb.min_words);
    CHECK_FALSE(verb.summary.empty());
    CHECK(find_verb(upper_case(verb.name)) == &verb);
    CHECK((verb.handler != nullptr || !verb.subcommands.empty()));
    for (const Verb& subcommand : verb.subcommands) {
      CHECK_FALSE(is_subcommand);
      CHECK(subcommand.name.starts_with(std::string(verb.name) + "|"));
      CHECK(subcommand.handler != nullptr);
    }
  }
  CHECK(verb_table().front()->name == "check");
  for (const char* nothing : {"get", "client|", "client|x", "check|x", "|id", ""}) {
    CHECK(find_verb(nothing) == nullptr);
  }
  CHECK(find_verb("client")->subcommands.size() == 9);
  CHECK(find_verb("quit")->subcommands.empty());
}

TEST_CASE("arity is checked before anything else") {
  for (const Verb* row : every_row()) {
    const Verb& verb = *row;
    INFO(verb.name);
    FakeService service;
    service.full = true;
    Connection connection(service);
    std::vector<std::string> words{std::string(verb.name.substr(0, verb.name.find('|')))};
    if (const auto bar = verb.name.find('|'); bar != std::string_view::npos) {
      words.emplace_back(verb.name.substr(bar + 1));
    }
    const std::size_t subject = words.size();
    if (verb.handler == nullptr) continue;
    while (words.size() < verb.min_words) words.emplace_back("x");
    const std::string arity = "-" + error_text(verb.wrong_arity, {verb.name}) + "\r\n";
    if (words.size() > subject) {
      words.pop_back();
      CHECK(connection.ask(request(words)) == arity);
    }
    if (verb.max_words != kAnyNumber) {
      // One word too many is too many also of a command whose second word is a subcommand.
      while (words.size() <= verb.max_words) words.emplace_back("x");
      CHECK(connection.ask(request(words)) == arity);
    }
    CHECK(connection.session.last_command.empty());
    CHECK(service.seen.empty());
  }
}

TEST_CASE("large answers are refused while output buffers are full, small ones are not") {
  FakeService service;
  service.full = true;
  const std::string busy =
      "-BUSY output buffers are full: answers are not read, try again later\r\n";
  for (const char* heavy :
       {"LIMITS\r\n", "EXPLAIN api\r\n", "INFO\r\n", "CLIENT LIST\r\n", "COMMAND\r\n",
        "COMMAND DOCS\r\n", "COMMAND INFO\r\n", "COMMAND LIST\r\n"}) {
    Connection connection(service);
    CHECK(connection.ask(heavy) == busy);
  }
  for (const char* light : {"PING\r\n", "HELLO\r\n", "CLIENT ID\r\n", "CLIENT INFO\r\n",
                            "COMMAND COUNT\r\n", "RESET\r\n", "QUIT\r\n"}) {
    Connection connection(service);
    CHECK(connection.ask(light) != busy);
  }
}

TEST_CASE("PING and ECHO") {
  FakeService service;
  Connection connection(service);
  CHECK(connection.ask("PING\r\n") == "+PONG\r\n");
  CHECK(connection.ask("ping ''\r\n") == "$0\r\n\r\n");
  CHECK(connection.ask("PING \"a\\r\\nb\"\r\n") == "$4\r\na\r\nb\r\n");
  CHECK(connection.ask("ECHO hello\r\n") == "$5\r\nhello\r\n");
}

TEST_CASE("HELLO changes the protocol and tells what the server is") {
  FakeService service;
  Connection connection(service);
  const std::string properties =
      "$6\r\nserver\r\n$8\r\nrategate\r\n$7\r\nversion\r\n$5\r\n0.1.0\r\n$5\r\nproto\r\n:";
  const std::string rest =
      "\r\n$2\r\nid\r\n:7\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
      "$7\r\nmodules\r\n*0\r\n";
  CHECK(connection.ask("HELLO\r\n") == "*14\r\n" + properties + "2" + rest);
  CHECK(connection.ask("HELLO 3\r\n") == "%7\r\n" + properties + "3" + rest);
  CHECK(connection.ask("HELLO\r\n") == "%7\r\n" + properties + "3" + rest);
  CHECK(connection.ask("CLIENT GETNAME\r\n") == "_\r\n");
  CHECK(connection.ask("HELLO 2 SETNAME joe AUTH default any\r\n") ==
        "*14\r\n" + properties + "2" + rest);
  CHECK(connection.session.name == "joe");
}

TEST_CASE("a HELLO that is wrong anywhere changes nothing") {
  FakeService service;
  Connection connection(service);
  for (const char* wrong : {"HELLO 3 SETNAME a SETNAME\r\n", "HELLO 3 SETNAME a AUTH joe x\r\n",
                            "HELLO 3 SETNAME a SETNAME 'b c'\r\n", "HELLO 3 SETNAME a x\r\n"}) {
    CHECK(connection.ask(wrong).front() == '-');
    CHECK(connection.session.resp == 2);
    CHECK(connection.session.name.empty());
  }
}

TEST_CASE("SELECT takes database 0") {
  FakeService service;
  Connection connection(service);
  CHECK(connection.ask("SELECT 0\r\n") == "+OK\r\n");
}

TEST_CASE("RESET takes the connection back, QUIT closes it") {
  FakeService service;
  Connection connection(service);
  connection.feed("HELLO 3 SETNAME joe\r\n");
  CHECK(connection.ask("RESET\r\n") == "+RESET\r\n");
  CHECK(connection.session.resp == 2);
  CHECK(connection.session.name.empty());
  CHECK(connection.ask("QUIT now please\r\nPING\r\n") == "+OK\r\n");
  CHECK(connection.closed);
}

TEST_CASE("CLIENT: names, library, id") {
  FakeService service;
  Connection connection(service);
  CHECK(connection.ask("CLIENT GETNAME\r\n") == "$-1\r\n");
  CHECK(connection.ask("client setname worker-1\r\n") == "+OK\r\n");
  CHECK(connection.ask("CLIENT GETNAME\r\n") == "$8\r\nworker-1\r\n");
  CHECK(connection.ask("CLIENT SETNAME ''\r\n") == "+OK\r\n");
  CHECK(connection.ask("CLIENT GETNAME\r\n") == "$-1\r\n");
  CHECK(connection.ask(request({"CLIENT", "SETNAME", std::string(128, 'n')})) == "+OK\r\n");
  CHECK(connection.ask("CLIENT SETINFO lib-name redis-py(x)\r\n") == "+OK\r\n");
  CHECK(connection.ask("CLIENT SETINFO LIB-VER 5.0.1\r\n") == "+OK\r\n");
  CHECK(connection.session.lib_name == "redis-py(x)");
  CHECK(connection.session.lib_version == "5.0.1");
  CHECK(connection.ask("CLIENT ID\r\n") == ":7\r\n");
  for (const char* harmless : {"CLIENT NO-EVICT ON\r\n", "CLIENT NO-EVICT off\r\n",
                               "CLIENT NO-TOUCH on\r\n", "CLIENT NO-TOUCH OFF\r\n"}) {
    CHECK(connection.ask(harmless) == "+OK\r\n");
  }
}

TEST_CASE("HELP tells the subcommands with their arguments") {
  FakeService service;
  Connection connection(service);
  for (const char* verb : {"client", "command"}) {
    const std::string answer = connection.ask(std::string(verb) + " help\r\n");
    REQUIRE(is_one_reply(answer, 2));
    for (const Verb& row : find_verb(verb)->subcommands) {
      std::string line = "+" + upper_case(row.name.substr(row.name.find('|') + 1));
      if (!row.arguments.empty()) line += " " + std::string(row.arguments);
      CHECK(answer.find(line + "\r\n") != std::string::npos);
    }
  }
}

}  // namespace rategate::test
