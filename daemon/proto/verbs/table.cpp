#include "daemon/proto/verbs/table.hpp"

#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

#define RATEGATE_POINTER_TO_ROW(name) &k##name##Verb,
constexpr const Verb* kTable[] = {RATEGATE_EACH_VERB(RATEGATE_POINTER_TO_ROW)};
#undef RATEGATE_POINTER_TO_ROW

}  // namespace

std::span<const Verb* const> verb_table() { return kTable; }

const Verb* find_verb(std::string_view name) {
  const std::size_t bar = name.find('|');
  for (const Verb* verb : kTable) {
    if (!is_word(name.substr(0, bar), verb->name)) continue;
    return bar == std::string_view::npos ? verb : find_subcommand(*verb, name.substr(bar + 1));
  }
  return nullptr;
}

const Verb* find_subcommand(const Verb& verb, std::string_view word) {
  for (const Verb& row : verb.subcommands) {
    if (is_word(word, row.name.substr(verb.name.size() + 1))) return &row;
  }
  return nullptr;
}

}  // namespace rategate
