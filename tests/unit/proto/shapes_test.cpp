// The shapes of the large answers: LIMITS, INFO, CLIENT LIST and COMMAND, in RESP2 and RESP3.
#include <string>
#include <string_view>
#include <vector>

#include "daemon/metrics/info.hpp"
#include "daemon/metrics/table.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/proto/fake_daemon.hpp"
#include "tests/unit/proto/resp_reply.hpp"

namespace rategate::test {
namespace {

Reply ask(FakeService& service, int resp, std::string_view bytes) {
  Connection connection(service);
  connection.session.resp = resp;
  const std::string answer = connection.ask(bytes);
  INFO(shown(answer, 2000));
  Reply reply;
  ReplyReader reader(answer, resp);
  REQUIRE(reader.read(&reply));
  REQUIRE(reader.at_end());
  return reply;
}

// Whether the words stand in the text in this order, and `all`, which each of them ends, nowhere
// else.
bool in_order(std::string_view text, const std::vector<std::string>& words, std::string_view all) {
  std::size_t at = 0;
  for (const std::string& word : words) {
    at = text.find(word, at);
    if (at == text.npos) return false;
    at += word.size();
  }
  std::size_t count = 0;
  for (at = text.find(all); at != text.npos; at = text.find(all, at + 1)) ++count;
  return count == words.size();
}

}  // namespace

TEST_CASE("LIMITS is an array of maps") {
  FakeService service;
  service.state.limits = {api_limit(12, 3), api_limit()};
  for (const int resp : {2, 3}) {
    const Reply reply = ask(service, resp, "LIMITS\r\n");
    CHECK(reply.type == '*');
    REQUIRE(reply.items.size() == 2);
    const Reply& api = reply.items[0];
    CHECK(api.type == (resp == 3 ? '%' : '*'));
    REQUIRE(api.items.size() == 38);
    CHECK(api.at("name").text == "api");
    CHECK(api.at("limit").number == 100);
    CHECK(api.at("period").text == "1s");
    CHECK(api.at("period_ms").number == 1000);
    CHECK(api.at("algorithm").text == "fixed-window");
    CHECK(api.at("burst").number == 100);
    CHECK(api.at("mode").text == "auto");
    CHECK(api.at("leased").number == 1);
    CHECK(api.at("shared").number == 7);
    CHECK(api.at("on_store_down").text == "deny");
    CHECK(api.at("redis_key").text == "rategate:{%n:%k}:%p:%w");
    CHECK(api.at("declared").number == 0);
    CHECK(api.at("allowed").number == 12);
    CHECK(api.at("denied").number == 3);
    CHECK(api.at("shadow").number == 0);
    CHECK(api.at("block_for_ms").number == 0);
    CHECK(api.at("key_rules").number == 0);
    CHECK(api.at("shadow_denied").number == 0);
    CHECK(api.at("near").number == 0);
  }
  service.state.limits.clear();
  CHECK(ask(service, 3, "LIMITS\r\n").items.empty());
}

TEST_CASE("CHECKX tells all of a decision by name, in the protocol of who asked") {
  FakeService service;
  for (const int resp : {2, 3}) {
    service.outcomes.emplace_back(kDenied);
    const Reply reply = ask(service, resp, "CHECKX api alice COST 7\r\n");
    CHECK(reply.type == (resp == 3 ? '%' : '*'));
    CHECK(reply.items.size() == 28);
    CHECK(reply.at("allowed").number == 0);
    CHECK(reply.at("limit").number == 100);
    CHECK(reply.at("remaining").number == 0);
    CHECK(reply.at("retry_after_ms").number == 412);
    CHECK(reply.at("reset_after_ms").number == 412);
    CHECK(reply.at("reason").number == 1);
    CHECK(reply.at("rule").text == "api");
    CHECK(reply.at("algorithm").text == "fixed-window");
    CHECK(reply.at("period_ms").number == 1000);
    CHECK(reply.at("burst").number == 100);
    CHECK(reply.at("source").text == "store");
    CHECK(reply.at("near").number == 0);
    CHECK(reply.at("shadow").number == 0);
    CHECK((service.seen.back().cost == 7 && service.seen.back().takes));
  }
  service.outcomes.emplace_back(Refused{"NOLIMIT no limit"});
  CHECK(ask(service, 3, "CHECKX nothing\r\n").type == '-');
}

// Less than a piece, whole pieces, and one line more.
TEST_CASE("an answer that is made in pieces is whole") {
  constexpr std::size_t kPiece = LongAnswer::kLines;
  for (const std::size_t count : {kPiece - 1, kPiece, 3 * kPiece, 3 * kPiece + 1}) {
    FakeService service;
    std::vector<std::string> clients;
    std::vector<std::string> limits;
    for (std::size_t i = 1; i <= count; ++i) {
      service.connections.emplace_back().id = 2 * i;
      clients.push_back("id=" + std::to_string(2 * i) + " addr=");
      service.state.limits.push_back(api_limit(i));
      limits.push_back("allowed=" + std::to_string(i) + ",denied=");
    }
    for (const int resp : {2, 3}) {
      CHECK(ask(service, resp, "LIMITS\r\n").items.size() == count);
      CHECK(in_order(ask(service, resp, "CLIENT LIST\r\n").text, clients, " addr="));
      const std::string info = ask(service, resp, "INFO limits stats\r\n").text;
      CHECK(in_order(info, limits, ",denied="));
      CHECK(info.find("\r\n\r\n# Stats\r\n") > info.rfind("limit_api:"));
    }
  }
}

TEST_CASE("a long text is refused where too much is kept before all of it is collected") {
  FakeService service;
  for (std::size_t i = 1; i <= 2 * LongAnswer::kLines; ++i)
    service.connections.emplace_back().id = i;
  Session session;
  Caller caller(session);
  Args args;
  std::string out;
  Progress progress;
  REQUIRE(parse_request("CLIENT LIST\r\n", 100, args, progress).kind == Parsed::Request);
  REQUIRE(dispatch(caller, service.services(), args, out) == Handled::Unfinished);
  CHECK(out.empty());
  CHECK(caller.answer->memory() > LongAnswer::kLines * 100);
  service.full = true;
  CHECK(caller.answer->go_on(out));
  CHECK(out == "-" + std::string(error_text(ErrorId::OutputFull)) + "\r\n");
}

TEST_CASE("INFO is text, by section") {
  FakeService service;
  service.state.process.config_file = "a\r\nb";
  service.state.limits = {api_limit()};
  const std::string server = info_section("server", service.state);
  const std::string stats = info_section("stats", service.state);
  std::string all;
  for (const std::string_view section : info_sections()) {
    all += (all.empty() ? "" : "\r\n") + info_section(section, service.state);
    if (section == "limits") append_limit_lines(all, service.state.limits);
  }
  for (const int resp : {2, 3}) {
    for (const char* whole : {"INFO\r\n", "INFO all\r\n", "info EVERYTHING\r\n", "INFO default\r\n",
                              "INFO stats all\r\n"}) {
      const Reply reply = ask(service, resp, whole);
      CHECK(reply.type == (resp == 3 ? '=' : '$'));
      CHECK(reply.text == all);
    }
    CHECK(ask(service, resp, "INFO nosuch Stats server\r\n").text == server + "\r\n" + stats);
    CHECK(ask(service, resp, "INFO stats\r\n").text == stats);
    CHECK(ask(service, resp, "INFO SERVER\r\n").text == server);
    CHECK(ask(service, resp, "INFO nosuch\r\n").text.empty());
  }
}

TEST_CASE("CLIENT LIST is a line for each connection, whatever they call themselves") {
  FakeService service;
  ClientStatus status;
  status.id = 3;
  status.addr = "/run/a b\nid=9";
  status.pid = 42;
  status.uid = 1000;
  status.name = "worker";
  status.lib_name = "redis-py";
  status.lib_version = "5";
  status.age_s = 10;
  status.idle_s = 2;
  status.parked = 4;
  status.last_command = "check";
  ClientStatus unknown;
  unknown.id = 4;
  service.connections = {status, unknown};
  const std::string redis =
      "flags=U db=0 sub=0 psub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 obl=0 oll=0 omem=0 "
      "tot-mem=0 events=r ";
  const std::string lines =
      "id=3 addr=/run/a_b_id=9 name=worker age=10 idle=2 " + redis +
      "pid=42 uid=1000 waiting=4 cmd=check user=default resp=2 lib-name=redis-py lib-ver=5\n"
      "id=4 addr= name= age=0 idle=0 " +
      redis + "pid=0 uid=-1 waiting=0 cmd=NULL user=default resp=2 lib-name= lib-ver=\n";
  for (const int resp : {2, 3}) {
    const Reply reply = ask(service, resp, "CLIENT LIST\r\n");
    CHECK(reply.type == (resp == 3 ? '=' : '$'));
    CHECK(reply.text == lines);
    const Reply own = ask(service, resp, "CLIENT INFO\r\n");
    CHECK(own.text.starts_with("id=7 addr=/run/rategate/rategate.sock name= "));
    CHECK(own.text.find(" cmd=client|info ") != std::string::npos);
    CHECK(own.text.back() == '\n');
  }
}

TEST_CASE("COMMAND and COMMAND INFO have the ten fields of Redis 7") {
  FakeService service;
  for (const int resp : {2, 3}) {
    const Reply all = ask(service, resp, "COMMAND\r\n");
    CHECK(all.type == '*');
    const auto count = ask(service, resp, "COMMAND COUNT\r\n").number;
    CHECK(static_cast<std::int64_t>(all.items.size()) == count);
    CHECK(ask(service, resp, "COMMAND INFO\r\n").items.size() == all.items.size());
    const Reply names = ask(service, resp, "COMMAND LIST\r\n");
    REQUIRE(names.items.size() == all.items.size());
    const char set = resp == 3 ? '~' : '*';
    for (std::size_t i = 0; i < all.items.size(); ++i) {
      const auto& fields = all.items[i].items;
      REQUIRE(fields.size() == 10);
      CHECK(fields[0].text == names.items[i].text);
      CHECK(fields[0].type == '$');
      CHECK(fields[1].type == ':');
      CHECK(fields[2].type == set);
      const std::int64_t keys = find_verb(fields[0].text)->keyed ? 1 : 0;
      for (std::size_t key = 3; key < 6; ++key) CHECK(fields[key].number == keys);
      CHECK(fields[6].type == set);
      CHECK(fields[7].type == set);
      CHECK(fields[8].type == set);
      CHECK(fields[9].type == set);
      CHECK(fields[9].items.size() == find_verb(fields[0].text)->subcommands.size());
    }
    const Reply some =
        ask(service, resp, "COMMAND INFO check nosuch Client|Id select CL.THROTTLE\r\n");
    REQUIRE(some.items.size() == 5);
    CHECK(some.items[4].items[1].number == -5);
    CHECK(some.items[4].items[2].items.at(0).text == "write");
    CHECK(some.items[4].items[3].number == 1);
    CHECK(some.items[0].items[1].number == -2);
    CHECK(some.items[1].null);
    CHECK(some.items[2].items[0].text == "client|id");
    CHECK(some.items[2].items[1].number == 2);
    CHECK(some.items[3].items[1].number == 2);
  }
}

TEST_CASE("COMMAND DOCS is a map by name") {
  FakeService service;
  for (const int resp : {2, 3}) {
    const Reply all = ask(service, resp, "COMMAND DOCS\r\n");
    const auto count = ask(service, resp, "COMMAND COUNT\r\n").number;
    CHECK(static_cast<std::int64_t>(all.items.size()) == 2 * count);
    CHECK(all.at("client").at("subcommands").at("client|id").at("group").text == "connection");
    const Reply& check = all.at("check");
    CHECK(check.at("summary").text == find_verb("check")->summary);
    CHECK(check.at("since").text == "0.1.0");
    CHECK(check.at("group").text == "rategate");
    const Reply& arguments = check.at("arguments");
    REQUIRE(arguments.items.size() == 4);
    CHECK(arguments.items[0].at("name").text == "limit");
    CHECK(arguments.items[0].at("type").text == "string");
    CHECK(arguments.items[0].items.size() == 4);
    CHECK(arguments.items[1].at("name").text == "key");
    CHECK(arguments.items[1].at("flags").items[0].text == "optional");
    CHECK(arguments.items[2].at("name").text == "COST n");
    CHECK(arguments.items[3].at("name").text == "LIMIT n PERIOD p");
    CHECK(all.at("info").at("arguments").items[0].at("name").text == "section");
    CHECK(all.at("info").at("arguments").items[0].at("flags").items.size() == 2);
    CHECK(all.at("hello").at("arguments").items[0].at("name").text ==
          "version [AUTH user password] [SETNAME name]");
    const Reply& no_evict = all.at("client").at("subcommands").at("client|no-evict");
    CHECK(no_evict.at("arguments").items[0].at("name").text == "ON | OFF");

    const Reply some = ask(service, resp, "COMMAND DOCS ping nosuch PING client|id\r\n");
    REQUIRE(some.items.size() == 4);
    CHECK(some.items[0].text == "ping");
    CHECK(some.items[2].text == "client|id");
  }
}

}  // namespace rategate::test
