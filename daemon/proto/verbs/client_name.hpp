// The names that a connection may give itself.
#pragma once

#include <string>
#include <string_view>

namespace rategate {

// Printable ASCII without the space, as the line of CLIENT LIST needs it.
bool is_one_word(std::string_view text);

// Whether a connection may have this name; else appends why not. An empty name takes it away.
[[nodiscard]] bool check_client_name(std::string_view name, std::string& out);

}  // namespace rategate
