// A verb: its row in the table, and how its handler is called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "daemon/proto/caller.hpp"
#include "daemon/proto/errors.hpp"
#include "daemon/proto/resp/args.hpp"
#include "daemon/proto/service.hpp"

namespace rategate {

enum class Handled {
  Replied,        // exactly one reply was appended
  RepliedAtCost,  // the same, and it may have cost as much as many others
  Parked,         // nothing was appended: the reply comes later, in its place
  Unfinished,     // a beginning of one reply was appended, or nothing; Caller::answer goes on
  Attach,         // one reply was appended, and the descriptors go with it
  Close,          // one reply was appended; the connection is closed when it is written
};

// The number of words is within the row's bounds.
using Handler = Handled(Caller& caller, const Services& services, const Args& args,
                        std::string& out);

inline constexpr std::size_t kAnyNumber = SIZE_MAX;

struct Verb {
  std::string_view name;      // in lower case: "check", and "client|setname" for a subcommand
  std::size_t min_words = 1;  // with the verb itself, and the subcommand
  std::size_t max_words = 1;  // kAnyNumber for no end
  ErrorId wrong_arity = ErrorId::WrongArity;  // the answer to fewer words, or more
  bool keyed = false;            // its first argument is a key, by which a client may route it
  bool trusted = false;          // gives permits back: for those alone who may use shared memory
  bool admin = false;            // for those alone who may administer the limits
  bool heavy = false;            // a large answer: refused while StateService::output_full()
  Handler* handler = nullptr;    // null: only subcommands do something
  std::string_view group;        // for COMMAND DOCS: "rategate", "connection", "server"
  std::string_view arguments{};  // as docs/protocol.md writes them: "<limit> [<key>]"
  std::string_view summary;      // one sentence without its full stop
  std::span<const Verb> subcommands{};
};

}  // namespace rategate
