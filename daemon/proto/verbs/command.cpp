// COMMAND: the verb table, in the shapes that Redis 7 gives it and that redis-cli and other clients
// read when they connect.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/help.hpp"
#include "daemon/proto/verbs/rows.hpp"
#include "daemon/proto/verbs/table.hpp"

namespace rategate {
namespace {

// With the two words of COMMAND INFO: a request of many names must not have an answer of megabytes.
constexpr std::size_t kMaxNames = 66;

// The first version that had all of the table.
constexpr std::string_view kSince = "0.1.0";

// Redis' arity: the number of words, negative where it is the least of them.
std::int64_t arity(const Verb& verb) {
  const auto words = static_cast<std::int64_t>(verb.min_words);
  return verb.min_words == verb.max_words ? words : -words;
}

// Ten fields: name, arity, flags, first key, last key, step, ACL categories, tips, key
// specifications, subcommands. Few have a key by which a client could route them.
void write_info(ReplyWriter& reply, const Verb& verb) {
  reply.array(10);
  reply.bulk(verb.name);
  reply.integer(arity(verb));
  reply.set((verb.keyed ? 1U : 0U) + (verb.admin ? 1U : 0U) + (verb.heavy ? 0U : 1U));
  if (verb.keyed) reply.simple("write");
  if (verb.admin) reply.simple("admin");
  if (!verb.heavy) reply.simple("fast");
  for (int i = 0; i < 3; ++i) reply.integer(verb.keyed ? 1 : 0);
  reply.set(2 + (verb.admin ? 1U : 0U) + (verb.trusted ? 1U : 0U));
  reply.simple(verb.heavy ? "@slow" : "@fast");
  reply.simple("@" + std::string(verb.group));
  if (verb.admin) reply.simple("@admin");
  if (verb.trusted) reply.simple("@trusted");
  reply.set(0);
  reply.set(0);
  reply.set(verb.subcommands.size());
  for (const Verb& row : verb.subcommands) write_info(reply, row);
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
  const auto arguments =
      verb.handler == nullptr ? std::vector<Argument>() : split_arguments(verb.arguments);
  reply.bulk(verb.name);
  reply.map(3 + (arguments.empty() ? 0U : 1U) + (verb.subcommands.empty() ? 0U : 1U));
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
  if (!verb.subcommands.empty()) {
    reply.bulk("subcommands");
    reply.map(verb.subcommands.size());
    for (const Verb& row : verb.subcommands) write_docs(reply, row);
  }
}

Handled handle_command(Caller& caller, const Services&, const Args&, std::string& out) {
  const auto rows = verb_table();
  ReplyWriter reply(out, caller.session.resp);
  reply.array(rows.size());
  for (const Verb* row : rows) write_info(reply, *row);
  return Handled::Replied;
}

Handled handle_count(Caller& caller, const Services&, const Args&, std::string& out) {
  ReplyWriter(out, caller.session.resp).integer(static_cast<std::int64_t>(verb_table().size()));
  return Handled::Replied;
}

Handled handle_docs(Caller& caller, const Services&, const Args& args, std::string& out) {
  std::vector<const Verb*> rows;
  if (args.size() == 2) rows.assign(verb_table().begin(), verb_table().end());
  // A name that does not exist, or stands there twice, has no place in a map.
  for (std::size_t i = 2; i < args.size(); ++i) {
    const Verb* verb = find_verb(args[i]);
    if (verb != nullptr && std::find(rows.begin(), rows.end(), verb) == rows.end()) {
      rows.push_back(verb);
    }
  }
  ReplyWriter reply(out, caller.session.resp);
  reply.map(rows.size());
  for (const Verb* row : rows) write_docs(reply, *row);
  return Handled::Replied;
}

Handled handle_info(Caller& caller, const Services& services, const Args& args, std::string& out) {
  if (args.size() == 2) return handle_command(caller, services, args, out);
  ReplyWriter reply(out, caller.session.resp);
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

Handled handle_list(Caller& caller, const Services&, const Args&, std::string& out) {
  const auto rows = verb_table();
  ReplyWriter reply(out, caller.session.resp);
  reply.array(rows.size());
  for (const Verb* row : rows) reply.bulk(row->name);
  return Handled::Replied;
}

constexpr Verb kSubcommands[] = {
    {
        .name = "command|count",
        .min_words = 2,
        .max_words = 2,
        .handler = handle_count,
        .group = "server",
        .summary = "Answers the number of commands",
    },
    {
        .name = "command|docs",
        .min_words = 2,
        .max_words = kMaxNames,
        .heavy = true,
        .handler = handle_docs,
        .group = "server",
        .arguments = "[<command> ...]",
        .summary = "Documents commands, all of them unless some are named",
    },
    {
        .name = "command|help",
        .min_words = 2,
        .max_words = 2,
        .handler = handle_help,
        .group = "server",
        .summary = "Lists the subcommands",
    },
    {
        .name = "command|info",
        .min_words = 2,
        .max_words = kMaxNames,
        .heavy = true,
        .handler = handle_info,
        .group = "server",
        .arguments = "[<command> ...]",
        .summary = "Tells about commands, all of them unless some are named",
    },
    {
        .name = "command|list",
        .min_words = 2,
        .max_words = 2,
        .heavy = true,
        .handler = handle_list,
        .group = "server",
        .summary = "Lists the commands' names",
    },
};

}  // namespace

constinit const Verb kCommandVerb = {
    .name = "command",
    .min_words = 1,
    .max_words = kAnyNumber,
    .heavy = true,
    .handler = handle_command,
    .group = "server",
    .summary = "Tells about all commands, in the form that clients of Redis know",
    .subcommands = kSubcommands,
};

}  // namespace rategate
