#include "daemon/proto/verbs/help.hpp"

#include <string>

#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/table.hpp"

namespace rategate {

Handled handle_help(Caller& caller, const Services&, const Args& args, std::string& out) {
  const Verb& verb = *find_verb(args[0]);
  ReplyWriter reply(out, caller.session.resp);
  reply.array(1 + 2 * verb.subcommands.size());
  reply.simple(upper_case(verb.name) + " <subcommand> [<argument> ...]. Subcommands are:");
  for (const Verb& row : verb.subcommands) {
    std::string line = upper_case(row.name.substr(verb.name.size() + 1));
    if (!row.arguments.empty()) line.append(" ").append(row.arguments);
    reply.simple(line);
    reply.simple("    " + std::string(row.summary) + ".");
  }
  return Handled::Replied;
}

}  // namespace rategate
