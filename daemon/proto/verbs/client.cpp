// CLIENT: what the daemon knows of connections, and what they say of themselves.
#include <algorithm>

#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/handlers.hpp"

namespace rategate {
namespace {

// Printable ASCII without the space, as CLIENT LIST needs it.
bool is_one_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

// For a value that comes from elsewhere: what would break the line's form is shown as '_'.
std::string as_one_word(std::string_view text) {
  std::string word(text);
  std::replace_if(word.begin(), word.end(), [](char c) { return c < '!' || c > '~'; }, '_');
  return word;
}

// What clients of Redis count on finding in the line, though it says nothing here.
constexpr std::string_view kRedisFields =
    " flags=U db=0 sub=0 psub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 obl=0 oll=0 omem=0"
    " tot-mem=0 events=r";

// One line, in the form of Redis' CLIENT LIST. Fields that Redis lacks are pid, uid and waiting.
std::string client_line(const ClientStatus& client) {
  std::string line = "id=" + std::to_string(client.id);
  const auto field = [&line](std::string_view name, std::string_view value) {
    line.append(" ").append(name).append("=").append(as_one_word(value));
  };
  field("addr", client.addr);
  field("name", client.name);
  field("age", std::to_string(client.age_s));
  field("idle", std::to_string(client.idle_s));
  line += kRedisFields;
  field("pid", std::to_string(client.pid));
  field("uid", std::to_string(client.uid));
  field("waiting", std::to_string(client.waiting));
  field("cmd", client.last_command.empty() ? "NULL" : client.last_command);
  field("user", "default");
  field("resp", std::to_string(client.resp));
  field("lib-name", client.lib_name);
  field("lib-ver", client.lib_version);
  line += '\n';
  return line;
}

}  // namespace

bool check_client_name(std::string_view name, std::string& out) {
  if (!is_one_word(name)) {
    reply_error(out, ErrorId::BadClientName);
    return false;
  }
  if (name.size() > kMaxClientNameBytes) {
    reply_error(out, ErrorId::NameTooLong, {"client name"});
    return false;
  }
  return true;
}

Handled handle_client_getname(Session& session, Service&, const Args&, std::string& out) {
  ReplyWriter reply(out, session.resp);
  if (session.name.empty()) {
    reply.null();
  } else {
    reply.bulk(session.name);
  }
  return Handled::Replied;
}

Handled handle_client_id(Session& session, Service&, const Args&, std::string& out) {
  ReplyWriter(out, session.resp).integer(static_cast<std::int64_t>(session.id));
  return Handled::Replied;
}

Handled handle_client_info(Session& session, Service& service, const Args&, std::string& out) {
  ReplyWriter(out, session.resp).text(client_line(service.client(session)));
  return Handled::Replied;
}

Handled handle_client_list(Session& session, Service& service, const Args&, std::string& out) {
  std::string lines;
  for (const ClientStatus& client : service.clients()) lines += client_line(client);
  ReplyWriter(out, session.resp).text(lines);
  return Handled::Replied;
}

// NO-EVICT and NO-TOUCH mean something to a cache only; clients that send them get what they
// expect.
Handled handle_client_on_off(Session& session, Service&, const Args& args, std::string& out) {
  if (!is_word(args[2], "on") && !is_word(args[2], "off")) {
    return reply_error(out, ErrorId::SyntaxError);
  }
  ReplyWriter(out, session.resp).ok();
  return Handled::Replied;
}

Handled handle_client_setinfo(Session& session, Service&, const Args& args, std::string& out) {
  const bool is_name = is_word(args[2], "lib-name");
  if (!is_name && !is_word(args[2], "lib-ver")) {
    return reply_error(out, ErrorId::ClientOption, {args[2]});
  }
  const std::string_view option = is_name ? "lib-name" : "lib-ver";
  if (!is_one_word(args[3])) return reply_error(out, ErrorId::BadLibInfo, {option});
  if (args[3].size() > kMaxClientNameBytes) {
    return reply_error(out, ErrorId::NameTooLong, {option});
  }
  (is_name ? session.lib_name : session.lib_version) = args[3];
  ReplyWriter(out, session.resp).ok();
  return Handled::Replied;
}

Handled handle_client_setname(Session& session, Service&, const Args& args, std::string& out) {
  if (!check_client_name(args[2], out)) return Handled::Replied;
  session.name = args[2];
  ReplyWriter(out, session.resp).ok();
  return Handled::Replied;
}

}  // namespace rategate
