// The one table of verbs. docs/protocol.md has the same, and a test holds the two against each
// other.
#pragma once

#include <span>
#include <string_view>

#include "daemon/proto/verbs/verb.hpp"

namespace rategate {

std::span<const Verb* const> verb_table();

// The row of "check" or "client|setname" in any case, or null.
const Verb* find_verb(std::string_view name);

// The subcommand that is called by this word, in any case, or null.
const Verb* find_subcommand(const Verb& verb, std::string_view word);

}  // namespace rategate
