#include "daemon/proto/verbs/dispatch.hpp"

#include <cstdint>
#include <cstring>
#include <string_view>

#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"
#include "daemon/proto/verbs/table.hpp"

namespace rategate {
namespace {

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

// Verbs other than CHECK. Null after it has appended what is wrong.
const Verb* search(const Args& args, std::string& out) {
  // "client|id" is a name, but no word to send.
  const Verb* const verb =
      args[0].find('|') == std::string_view::npos ? find_verb(args[0]) : nullptr;
  if (verb == nullptr) {
    ReplyWriter(out, 2).error(unknown_command_error(args.words));
    return nullptr;
  }
  if (args.size() < 2 || verb->subcommands.empty()) return verb;
  const Verb* const subcommand = find_subcommand(*verb, args[1]);
  if (subcommand == nullptr) {
    reply_error(out, ErrorId::UnknownSubcommand, {args[1], upper_case(verb->name)});
  }
  return subcommand;
}

inline Handled run(const Verb& verb, Caller& caller, const Services& services, const Args& args,
                   std::string& out) {
  if (args.size() < verb.min_words || args.size() > verb.max_words) {
    return reply_error(out, verb.wrong_arity, {verb.name});
  }
  caller.session.last_command = verb.name;
  if (verb.heavy && services.state.output_full()) return reply_error(out, ErrorId::OutputFull);
  if (verb.trusted && !services.sharing.trusts(caller.peer)) {
    return reply_error(out, ErrorId::NotTrusted, {upper_case(verb.name)});
  }
  if (verb.admin && !services.sharing.is_admin(caller.peer)) {
    return reply_error(out, ErrorId::NotAdmin, {upper_case(verb.name)});
  }
  const Handled handled = verb.handler(caller, services, args, out);
  return verb.heavy && handled == Handled::Replied ? Handled::RepliedAtCost : handled;
}

}  // namespace

Handled dispatch(Caller& caller, const Services& services, const Args& args, std::string& out) {
  if (is_check(args[0])) return run(kCheckVerb, caller, services, args, out);
  const Verb* const verb = search(args, out);
  return verb == nullptr ? Handled::Replied : run(*verb, caller, services, args, out);
}

}  // namespace rategate
