// COMMAND and the HELP subcommands: the verb table, in the shapes that Redis 7 gives it and that
// redis-cli and other clients read when they connect.
#include <algorithm>
#include <vector>

#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/handlers.hpp"

namespace rategate {
namespace {

// The first version that had all of the table.
constexpr std::string_view kSince = "0.1.0";

// Top-level rows, which is what COUNT, LIST and the bare forms tell of.
std::vector<const Verb*> commands() {
  std::vector<const Verb*> rows;
  for (const Verb& verb : verb_table()) {
    if (!verb.is_subcommand()) rows.push_back(&verb);
  }
  return rows;
}

// Redis' arity: the number of words, negative where it is the least of them.
std::int64_t arity(const Verb& verb) {
  const auto words = static_cast<std::int64_t>(verb.min_words);
  return verb.min_words == verb.max_words ? words : -words;
}

// Ten fields: name, arity, flags, first key, last key, step, ACL categories, tips, key
// specifications, subcommands. There are no keys here that a cluster could route by.
void write_info(ReplyWriter& reply, const Verb& verb) {
  reply.array(10);
  reply.bulk(verb.name);
  reply.integer(arity(verb));
  reply.set(verb.heavy ? 0 : 1);
  if (!verb.heavy) reply.simple("fast");
  for (int i = 0; i < 3; ++i) reply.integer(0);
  reply.set(2);
  reply.simple(verb.heavy ? "@slow" : "@fast");
  reply.simple("@" + std::string(verb.group));
  reply.set(0);
  reply.set(0);
  const auto rows = subcommands(verb);
  reply.set(rows.size());
  for (const Verb& row : rows) write_info(reply, row);
}

// One part of Verb::arguments.
struct Argument {
  std::string name;
  bool optional = false;
  bool multiple = false;
};

// "<limit> [<key>] [COST <n>]" as limit, key (optional) and "COST n" (optional). Alternatives stay
// one argument.
std::vector<Argument> split_arguments(std::string_view text) {
  std::vector<Argument> arguments;
  if (text.empty()) return arguments;
  const bool alternatives = text.find('|') != std::string_view::npos;
  int depth = 0;
  arguments.emplace_back();
  for (std::size_t i = 0; i < text.size(); ++i) {
    Argument& argument = arguments.back();
    const char c = text[i];
    if (text.substr(i, 4) == " ...") {
      argument.multiple = true;
      i += 3;
    } else if (c == ' ' && depth == 0 && !alternatives) {
      arguments.emplace_back();
    } else if (c == '[') {
      if (depth++ == 0)
        argument.optional = true;
      else
        argument.name += c;
    } else if (c == ']') {
      if (--depth > 0) argument.name += c;
    } else if (c != '<' && c != '>') {
      argument.name += c;
    }
  }
  return arguments;
}

void write_arguments(ReplyWriter& reply, const std::vector<Argument>& arguments) {
  reply.array(arguments.size());
  for (const Argument& argument : arguments) {
    const std::size_t flags = (argument.optional ? 1U : 0U) + (argument.multiple ? 1U : 0U);
    reply.map(flags == 0 ? 2 : 3);
    reply.bulk("name");
    reply.bulk(argument.name);
    reply.bulk("type");
    reply.bulk("string");
    if (flags == 0) continue;
    reply.bulk("flags");
    reply.set(flags);
    if (argument.optional) reply.simple("optional");
    if (argument.multiple) reply.simple("multiple");
  }
}

void write_docs(ReplyWriter& reply, const Verb& verb) {
  const auto rows = subcommands(verb);
  const auto arguments =
      verb.handler == nullptr ? std::vector<Argument>() : split_arguments(verb.arguments);
  reply.bulk(verb.name);
  reply.map(3 + (arguments.empty() ? 0U : 1U) + (rows.empty() ? 0U : 1U));
  reply.bulk("summary");
  reply.bulk(verb.summary);
  reply.bulk("since");
  reply.bulk(kSince);
  reply.bulk("group");
  reply.bulk(verb.group);
  if (!arguments.empty()) {
    reply.bulk("arguments");
    write_arguments(reply, arguments);
  }
  if (!rows.empty()) {
    reply.bulk("subcommands");
    reply.map(rows.size());
    for (const Verb& row : rows) write_docs(reply, row);
  }
}

}  // namespace

Handled handle_command_count(Session& session, Service&, const Args&, std::string& out) {
  ReplyWriter(out, session.resp).integer(static_cast<std::int64_t>(commands().size()));
  return Handled::Replied;
}

Handled handle_command(Session& session, Service&, const Args&, std::string& out) {
  const auto rows = commands();
  ReplyWriter reply(out, session.resp);
  reply.array(rows.size());
  for (const Verb* row : rows) write_info(reply, *row);
  return Handled::Replied;
}

Handled handle_command_info(Session& session, Service& service, const Args& args,
                            std::string& out) {
  if (args.size() == 2) return handle_command(session, service, args, out);
  ReplyWriter reply(out, session.resp);
  reply.array(args.size() - 2);
  for (std::size_t i = 2; i < args.size(); ++i) {
    if (const Verb* verb = find_verb(args[i])) {
      write_info(reply, *verb);
    } else {
      reply.null();
    }
  }
  return Handled::Replied;
}

Handled handle_command_docs(Session& session, Service&, const Args& args, std::string& out) {
  std::vector<const Verb*> rows;
  if (args.size() == 2) rows = commands();
  // A name that does not exist, or stands there twice, has no place in a map.
  for (std::size_t i = 2; i < args.size(); ++i) {
    const Verb* verb = find_verb(args[i]);
    if (verb != nullptr && std::find(rows.begin(), rows.end(), verb) == rows.end()) {
      rows.push_back(verb);
    }
  }
  ReplyWriter reply(out, session.resp);
  reply.map(rows.size());
  for (const Verb* row : rows) write_docs(reply, *row);
  return Handled::Replied;
}

Handled handle_command_list(Session& session, Service&, const Args&, std::string& out) {
  const auto rows = commands();
  ReplyWriter reply(out, session.resp);
  reply.array(rows.size());
  for (const Verb* row : rows) reply.bulk(row->name);
  return Handled::Replied;
}

Handled handle_help(Session& session, Service&, const Args& args, std::string& out) {
  const Verb& verb = *find_verb(args[0]);
  const auto rows = subcommands(verb);
  ReplyWriter reply(out, session.resp);
  reply.array(1 + 2 * rows.size());
  reply.simple(upper_case(verb.name) + " <subcommand> [<argument> ...]. Subcommands are:");
  for (const Verb& row : rows) {
    std::string line = upper_case(row.name.substr(verb.name.size() + 1));
    if (!row.arguments.empty()) line.append(" ").append(row.arguments);
    reply.simple(line);
    reply.simple("    " + std::string(row.summary) + ".");
  }
  return Handled::Replied;
}

}  // namespace rategate
