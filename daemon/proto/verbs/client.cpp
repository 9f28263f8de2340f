// CLIENT: what the daemon knows of connections, and what they say of themselves.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/begin_answer.hpp"
#include "daemon/proto/verbs/client_name.hpp"
#include "daemon/proto/verbs/help.hpp"
#include "daemon/proto/verbs/long_text.hpp"
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

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
  field("waiting", std::to_string(client.parked));
  field("cmd", client.last_command.empty() ? "NULL" : client.last_command);
  field("user", "default");
  field("resp", std::to_string(client.resp));
  field("lib-name", client.lib_name);
  field("lib-ver", client.lib_version);
  line += '\n';
  return line;
}

Handled handle_getname(Caller& caller, const Services&, const Args&, std::string& out) {
  ReplyWriter reply(out, caller.session.resp);
  if (caller.session.name.empty()) {
    reply.null();
  } else {
    reply.bulk(caller.session.name);
  }
  return Handled::Replied;
}

Handled handle_id(Caller& caller, const Services&, const Args&, std::string& out) {
  ReplyWriter(out, caller.session.resp).integer(static_cast<std::int64_t>(caller.session.id));
  return Handled::Replied;
}

Handled handle_info(Caller& caller, const Services& services, const Args&, std::string& out) {
  ReplyWriter(out, caller.session.resp).text(client_line(services.state.client(caller)));
  return Handled::Replied;
}

class ClientLines final : public LongText {
 public:
  using LongText::LongText;

 private:
  bool next_lines(std::string& text) override {
    const std::vector<ClientStatus> some = state().clients(last_, kLines);
    for (const ClientStatus& client : some) text += client_line(client);
    if (!some.empty()) last_ = some.back().id;
    return some.size() == kLines;
  }

  std::uint64_t last_ = 0;  // the id of the last line
};

Handled handle_list(Caller& caller, const Services& services, const Args&, std::string& out) {
  return begin_answer(caller, std::make_unique<ClientLines>(services.state, caller.session.resp),
                      out);
}

// NO-EVICT and NO-TOUCH mean something to a cache only; clients that send them get what they
// expect.
Handled handle_on_off(Caller& caller, const Services&, const Args& args, std::string& out) {
  if (!is_word(args[2], "on") && !is_word(args[2], "off")) {
    return reply_error(out, ErrorId::SyntaxError);
  }
  ReplyWriter(out, caller.session.resp).ok();
  return Handled::Replied;
}

Handled handle_setinfo(Caller& caller, const Services&, const Args& args, std::string& out) {
  const bool is_name = is_word(args[2], "lib-name");
  if (!is_name && !is_word(args[2], "lib-ver")) {
    return reply_error(out, ErrorId::ClientOption, {args[2]});
  }
  const std::string_view option = is_name ? "lib-name" : "lib-ver";
  if (!is_one_word(args[3])) return reply_error(out, ErrorId::BadLibInfo, {option});
  if (args[3].size() > kMaxClientNameBytes) {
    return reply_error(out, ErrorId::NameTooLong, {option});
  }
  (is_name ? caller.session.lib_name : caller.session.lib_version) = args[3];
  ReplyWriter(out, caller.session.resp).ok();
  return Handled::Replied;
}

Handled handle_setname(Caller& caller, const Services&, const Args& args, std::string& out) {
  if (!check_client_name(args[2], out)) return Handled::Replied;
  caller.session.name = args[2];
  ReplyWriter(out, caller.session.resp).ok();
  return Handled::Replied;
}

constexpr Verb kSubcommands[] = {
    {
        .name = "client|getname",
        .min_words = 2,
        .max_words = 2,
        .handler = handle_getname,
        .group = "connection",
        .summary = "Answers the connection's name, or null",
    },
    {
        .name = "client|help",
        .min_words = 2,
        .max_words = 2,
        .handler = handle_help,
        .group = "connection",
        .summary = "Lists the subcommands",
    },
    {
        .name = "client|id",
        .min_words = 2,
        .max_words = 2,
        .handler = handle_id,
        .group = "connection",
        .summary = "Answers the connection's id",
    },
    {
        .name = "client|info",
        .min_words = 2,
        .max_words = 2,
        .handler = handle_info,
        .group = "connection",
        .summary = "Tells about this connection, in one line",
    },
    {
        .name = "client|list",
        .min_words = 2,
        .max_words = 2,
        .heavy = true,
        .handler = handle_list,
        .group = "connection",
        .summary = "Tells about all connections, a line for each",
    },
    {
        .name = "client|no-evict",
        .min_words = 3,
        .max_words = 3,
        .handler = handle_on_off,
        .group = "connection",
        .arguments = "ON | OFF",
        .summary = "Does nothing, for clients that send it",
    },
    {
        .name = "client|no-touch",
        .min_words = 3,
        .max_words = 3,
        .handler = handle_on_off,
        .group = "connection",
        .arguments = "ON | OFF",
        .summary = "Does nothing, for clients that send it",
    },
    {
        .name = "client|setinfo",
        .min_words = 4,
        .max_words = 4,
        .handler = handle_setinfo,
        .group = "connection",
        .arguments = "LIB-NAME <name> | LIB-VER <version>",
        .summary = "Names the client library, for CLIENT LIST",
    },
    {
        .name = "client|setname",
        .min_words = 3,
        .max_words = 3,
        .handler = handle_setname,
        .group = "connection",
        .arguments = "<name>",
        .summary = "Names the connection, for CLIENT LIST",
    },
};

}  // namespace

constinit const Verb kClientVerb = {
    .name = "client",
    .min_words = 2,
    .max_words = kAnyNumber,
    .group = "connection",
    .arguments = "<subcommand> ...",
    .summary = "Groups the commands about connections",
    .subcommands = kSubcommands,
};

}  // namespace rategate
