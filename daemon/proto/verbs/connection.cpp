// The verbs that a client of Redis sends when it connects, pools or leaves.
#include <optional>

#include "daemon/base/duration.hpp"
#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/handlers.hpp"

namespace rategate {

Handled handle_ping(Session& session, Service&, const Args& args, std::string& out) {
  ReplyWriter reply(out, session.resp);
  if (args.size() == 1) {
    reply.simple("PONG");
  } else {
    reply.bulk(args[1]);
  }
  return Handled::Replied;
}

Handled handle_echo(Session& session, Service&, const Args& args, std::string& out) {
  ReplyWriter(out, session.resp).bulk(args[1]);
  return Handled::Replied;
}

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

}  // namespace

Handled handle_hello(Session& session, Service& service, const Args& args, std::string& out) {
  int resp = session.resp;
  HelloOptions options;
  if (args.size() > 1) {
    const auto version = parse_whole(args[1], INT64_MIN, INT64_MAX);
    if (!version) return reply_error(out, ErrorId::ProtocolNotNumber);
    if (*version != 2 && *version != 3) return reply_error(out, ErrorId::NoSuchProtocol);
    resp = static_cast<int>(*version);
    if (!read_hello(args, options, out)) return Handled::Replied;
  }
  // Nothing changes unless all of it is right.
  session.resp = resp;
  if (options.name) session.name = *options.name;

  ReplyWriter reply(out, session.resp);
  reply.map(7);
  reply.bulk("server");
  reply.bulk("rategate");
  reply.bulk("version");
  reply.bulk(service.version());
  reply.bulk("proto");
  reply.integer(session.resp);
  reply.bulk("id");
  reply.integer(static_cast<std::int64_t>(session.id));
  reply.bulk("mode");
  reply.bulk("standalone");
  reply.bulk("role");
  reply.bulk("master");
  reply.bulk("modules");
  reply.array(0);
  return Handled::Replied;
}

Handled handle_auth(Session&, Service&, const Args&, std::string& out) {
  return reply_error(out, ErrorId::NoPassword);
}

Handled handle_select(Session& session, Service&, const Args& args, std::string& out) {
  const auto index = parse_whole(args[1], INT32_MIN, INT32_MAX);
  if (!index) return reply_error(out, ErrorId::DbNotNumber);
  if (*index != 0) return reply_error(out, ErrorId::DbOutOfRange);
  ReplyWriter(out, session.resp).ok();
  return Handled::Replied;
}

Handled handle_reset(Session& session, Service&, const Args&, std::string& out) {
  session.resp = 2;
  session.name.clear();
  ReplyWriter(out, session.resp).simple("RESET");
  return Handled::Replied;
}

Handled handle_quit(Session& session, Service&, const Args&, std::string& out) {
  session.close_after_reply = true;
  ReplyWriter(out, session.resp).ok();
  return Handled::Close;
}

}  // namespace rategate
