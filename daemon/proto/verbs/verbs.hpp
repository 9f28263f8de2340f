// The one table of verbs, and the way of a request through it: look up, arity, permission, room for
// the answer, handler. docs/protocol.md has the same table, and a test holds the two against each
// other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "daemon/proto/resp/request_parser.hpp"
#include "daemon/proto/service.hpp"
#include "daemon/proto/session.hpp"

namespace rategate {

enum class Handled {
  Replied,  // exactly one reply was appended
  Parked,   // nothing was appended: the reply comes later, in its place
  Attach,   // one reply was appended, and the descriptors go with it
  Close,    // one reply was appended; the connection is closed when it is written
};

using Handler = Handled(Session& session, Service& service, const Args& args, std::string& out);

inline constexpr std::size_t kAnyNumber = SIZE_MAX;

struct Verb {
  std::string_view name;  // in lower case: "check", and "client|setname" for a subcommand
  std::size_t min_words;  // with the verb itself, and the subcommand
  std::size_t max_words;  // kAnyNumber for no end
  Permission permission;
  bool heavy;                  // a large answer: refused while Service::output_full()
  Handler* handler;            // null: only subcommands do something
  std::string_view group;      // for COMMAND DOCS: "rategate", "connection", "server"
  std::string_view arguments;  // as docs/protocol.md writes them: "<limit> [<key>]"
  std::string_view summary;    // one sentence without its full stop

  bool is_subcommand() const { return name.find('|') != std::string_view::npos; }
};

// Subcommands stand right behind their command.
std::span<const Verb> verb_table();

// The row of "check" or "client|setname" in any case, or null.
const Verb* find_verb(std::string_view name);

// The subcommands of a row; empty where it has none.
std::span<const Verb> subcommands(const Verb& verb);

// Answers one request. `args` has at least one word. Does not allocate for a CHECK but what `out`
// needs to grow.
Handled dispatch(Session& session, Service& service, const Args& args, std::string& out);

}  // namespace rategate
