#include "daemon/config/document.hpp"

#include <algorithm>

namespace rategate {

const Entry* find_entry(const Table& table, std::string_view key) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Entry& e) { return e.key == key; });
  return found == table.end() ? nullptr : &*found;
}

const Entry* find_entry(const Table& table, std::string_view section, std::string_view key) {
  const Entry* found = find_entry(table, section);
  const auto* inner = found == nullptr ? nullptr : std::get_if<Table>(&found->value.data);
  return inner == nullptr ? nullptr : find_entry(*inner, key);
}

}  // namespace rategate
