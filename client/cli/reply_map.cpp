#include "client/cli/reply_map.hpp"

#include <cstddef>

namespace rategate::cli {

const rategate_reply* find(const rategate_reply& map, std::string_view name) {
  if (map.type != RATEGATE_REPLY_ARRAY || map.size % 2 != 0) return nullptr;
  for (std::size_t i = 0; i < map.size; i += 2) {
    if (text_of(map.items[i]) == name) return &map.items[i + 1];
  }
  return nullptr;
}

std::string text_of(const rategate_reply& value) {
  if (value.type == RATEGATE_REPLY_INTEGER) return std::to_string(value.integer);
  return {value.text, value.type == RATEGATE_REPLY_ARRAY ? 0 : value.size};
}

}  // namespace rategate::cli
