#include "daemon/proto/verbs/verbs.hpp"

#include <cstdint>
#include <cstring>

#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/handlers.hpp"

namespace rategate {
namespace {

constexpr bool kHeavy = true;
constexpr bool kLight = false;
// With the two words of COMMAND INFO: a request of many names must not have an answer of megabytes.
constexpr std::size_t kMaxNames = 66;

// CHECK stands first: it is the one that matters, and is found without a search.
constexpr Verb kVerbs[] = {
    {"check", 2, kAnyNumber, kMayCheck, kLight, handle_check, "rategate",
     "<limit> [<key>] [COST <n>] [LIMIT <n> PERIOD <p>]",
     "Takes permits of a limit, or says how long to wait"},
    {"resolve", 2, 7, kMayCheck, kLight, handle_resolve, "rategate",
     "<limit> [<key>] [LIMIT <n> PERIOD <p>]", "Tells where a limit is found in shared memory"},
    {"attach", 1, 1, kMayCheck, kLight, handle_attach, "rategate", "",
     "Hands out the shared memory, for the client library"},
    {"limits", 1, 1, kMayRead, kHeavy, handle_limits, "rategate", "",
     "Lists the limits, configured and declared, with their counts"},
    {"info", 1, kAnyNumber, kMayRead, kHeavy, handle_info, "server", "[<section> ...]",
     "Tells the daemon's state, as lines of field:value"},
    {"ping", 1, 2, kMayConnect, kLight, handle_ping, "connection", "[<message>]",
     "Answers PONG, or the message"},
    {"echo", 2, 2, kMayConnect, kLight, handle_echo, "connection", "<message>",
     "Answers the message"},
    {"hello", 1, kAnyNumber, kMayConnect, kLight, handle_hello, "connection",
     "[<version> [AUTH <user> <password>] [SETNAME <name>]]",
     "Tells the server's properties, and sets the protocol's version"},
    {"auth", 2, 3, kMayConnect, kLight, handle_auth, "connection", "[<user>] <password>",
     "Answers an error: no password is set"},
    {"select", 2, 2, kMayConnect, kLight, handle_select, "connection", "<index>",
     "Takes database 0, the only one"},
    {"client", 2, kAnyNumber, kMayConnect, kLight, nullptr, "connection", "<subcommand> ...",
     "Groups the commands about connections"},
    {"client|getname", 2, 2, kMayConnect, kLight, handle_client_getname, "connection", "",
     "Answers the connection's name, or null"},
    {"client|help", 2, 2, kMayConnect, kLight, handle_help, "connection", "",
     "Lists the subcommands"},
    {"client|id", 2, 2, kMayConnect, kLight, handle_client_id, "connection", "",
     "Answers the connection's id"},
    {"client|info", 2, 2, kMayConnect, kLight, handle_client_info, "connection", "",
     "Tells about this connection, in one line"},
    {"client|list", 2, 2, kMayRead, kHeavy, handle_client_list, "connection", "",
     "Tells about all connections, a line for each"},
    {"client|no-evict", 3, 3, kMayConnect, kLight, handle_client_on_off, "connection", "ON | OFF",
     "Does nothing, for clients that send it"},
    {"client|no-touch", 3, 3, kMayConnect, kLight, handle_client_on_off, "connection", "ON | OFF",
     "Does nothing, for clients that send it"},
    {"client|setinfo", 4, 4, kMayConnect, kLight, handle_client_setinfo, "connection",
     "LIB-NAME <name> | LIB-VER <version>", "Names the client library, for CLIENT LIST"},
    {"client|setname", 3, 3, kMayConnect, kLight, handle_client_setname, "connection", "<name>",
     "Names the connection, for CLIENT LIST"},
    {"command", 1, kAnyNumber, kMayConnect, kHeavy, handle_command, "server", "",
     "Tells about all commands, in the form that clients of Redis know"},
    {"command|count", 2, 2, kMayConnect, kLight, handle_command_count, "server", "",
     "Answers the number of commands"},
    {"command|docs", 2, kMaxNames, kMayConnect, kHeavy, handle_command_docs, "server",
     "[<command> ...]", "Documents commands, all of them unless some are named"},
    {"command|help", 2, 2, kMayConnect, kLight, handle_help, "server", "", "Lists the subcommands"},
    {"command|info", 2, kMaxNames, kMayConnect, kHeavy, handle_command_info, "server",
     "[<command> ...]", "Tells about commands, all of them unless some are named"},
    {"command|list", 2, 2, kMayConnect, kHeavy, handle_command_list, "server", "",
     "Lists the commands' names"},
    {"reset", 1, 1, kMayConnect, kLight, handle_reset, "connection", "",
     "Takes the connection back to RESP2 and no name"},
    {"quit", 1, kAnyNumber, kMayConnect, kLight, handle_quit, "connection", "",
     "Answers OK and closes the connection"},
};

constexpr const Verb& kCheck = kVerbs[0];
static_assert(kCheck.name == "check");

// is_word(word, "check") without a loop: the bit is what tells a letter's cases apart.
bool is_check(std::string_view word) {
  constexpr std::uint32_t kCase = 0x20202020;
  if (word.size() != 5) return false;
  std::uint32_t four = 0;
  std::uint32_t wanted = 0;
  std::memcpy(&four, word.data(), sizeof four);
  std::memcpy(&wanted, "chec", sizeof wanted);
  return (four | kCase) == wanted && ascii_lower(word[4]) == 'k';
}

const Verb* find_command(std::string_view word) {
  for (const Verb& verb : kVerbs) {
    if (is_word(word, verb.name)) return &verb;
  }
  return nullptr;
}

const Verb* find_subcommand(std::span<const Verb> rows, std::string_view word) {
  for (const Verb& verb : rows) {
    if (is_word(word, verb.name.substr(verb.name.find('|') + 1))) return &verb;
  }
  return nullptr;
}

}  // namespace

std::span<const Verb> verb_table() { return kVerbs; }

const Verb* find_verb(std::string_view name) { return find_command(name); }

std::span<const Verb> subcommands(const Verb& verb) {
  const Verb* const end = std::end(kVerbs);
  const Verb* const first = &verb + 1;
  const Verb* last = first;
  while (!verb.is_subcommand() && last != end && last->is_subcommand()) ++last;
  return {first, last};
}

Handled reply_error(std::string& out, ErrorId id, std::initializer_list<ErrorValue> values) {
  ReplyWriter(out, 2).error(error_text(id, values));
  return Handled::Replied;
}

namespace {

// Verbs other than CHECK. Null after it has appended what is wrong.
const Verb* search(int resp, const Args& args, std::string& out) {
  const Verb* verb = find_command(args[0]);
  if (verb == nullptr || verb->is_subcommand()) {  // "client|id" is a name, but no word to send
    ReplyWriter(out, resp).error(unknown_command_error(args.words));
    return nullptr;
  }
  const std::span<const Verb> rows = subcommands(*verb);
  if (rows.empty() || args.size() < 2) return verb;
  const Verb* const subcommand = find_subcommand(rows, args[1]);
  if (subcommand == nullptr) {
    reply_error(out, ErrorId::UnknownSubcommand, {args[1], upper_case(verb->name)});
  }
  return subcommand;
}

inline Handled run(const Verb& verb, Session& session, Service& service, const Args& args,
                   std::string& out) {
  if (args.size() < verb.min_words || args.size() > verb.max_words) {
    return reply_error(out, ErrorId::WrongArity, {verb.name});
  }
  if ((session.permissions & verb.permission) == 0) {
    return reply_error(out, ErrorId::NoPermission, {verb.name});
  }
  session.last_command = verb.name;
  if (verb.heavy && service.output_full()) return reply_error(out, ErrorId::OutputFull);
  return verb.handler(session, service, args, out);
}

}  // namespace

Handled dispatch(Session& session, Service& service, const Args& args, std::string& out) {
  if (is_check(args[0])) return run(kCheck, session, service, args, out);
  const Verb* const verb = search(session.resp, args, out);
  return verb == nullptr ? Handled::Replied : run(*verb, session, service, args, out);
}

}  // namespace rategate
