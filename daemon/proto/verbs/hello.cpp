// HELLO: the protocol's version, and what else a client of Redis says when it connects.
#include <optional>

#include "daemon/base/duration.hpp"
#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/client_name.hpp"
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

struct HelloOptions {
  std::optional<std::string_view> user;
  std::optional<std::string_view> name;
};

// The words behind HELLO's version. False after it has appended what is wrong.
bool read_hello(const Args& args, HelloOptions& options, std::string& out) {
  for (std::size_t at = 2; at < args.size(); ++at) {
    const std::size_t more = args.size() - 1 - at;
    if (more >= 2 && is_word(args[at], "auth")) {
      options.user = args[at + 1];
      at += 2;
    } else if (more >= 1 && is_word(args[at], "setname")) {
      options.name = args[++at];
      if (!check_client_name(*options.name, out)) return false;
    } else {
      reply_error(out, ErrorId::HelloOption, {args[at]});
      return false;
    }
  }
  // As Redis does where its default user has no password: any will do.
  if (options.user.value_or("default") != "default") {
    reply_error(out, ErrorId::WrongPassword);
    return false;
  }
  return true;
}

Handled handle_hello(Caller& caller, const Services& services, const Args& args, std::string& out) {
  int resp = caller.session.resp;
  HelloOptions options;
  if (args.size() > 1) {
    const auto version = parse_whole(args[1], INT64_MIN, INT64_MAX);
    if (!version) return reply_error(out, ErrorId::ProtocolNotNumber);
    if (*version != 2 && *version != 3) return reply_error(out, ErrorId::NoSuchProtocol);
    resp = static_cast<int>(*version);
    if (!read_hello(args, options, out)) return Handled::Replied;
  }
  // Nothing changes unless all of it is right.
  caller.session.resp = resp;
  if (options.name) caller.session.name = *options.name;

  ReplyWriter reply(out, caller.session.resp);
  reply.map(7);
  reply.bulk("server");
  reply.bulk("rategate");
  reply.bulk("version");
  reply.bulk(services.state.version());
  reply.bulk("proto");
  reply.integer(caller.session.resp);
  reply.bulk("id");
  reply.integer(static_cast<std::int64_t>(caller.session.id));
  reply.bulk("mode");
  reply.bulk("standalone");
  reply.bulk("role");
  reply.bulk("master");
  reply.bulk("modules");
  reply.array(0);
  return Handled::Replied;
}

}  // namespace

constinit const Verb kHelloVerb = {
    .name = "hello",
    .min_words = 1,
    .max_words = kAnyNumber,
    .handler = handle_hello,
    .group = "connection",
    .arguments = "[<version> [AUTH <user> <password>] [SETNAME <name>]]",
    .summary = "Tells the server's properties, and sets the protocol's version",
};

}  // namespace rategate
