// INFO, made of the table: lines field:value by section, as docs/protocol.md has them.
#pragma once

#include <string>
#include <string_view>

#include "daemon/metrics/snapshot.hpp"

namespace rategate {

// One of info_sections(), with its title. Each line ends in CRLF.
std::string info_section(std::string_view section, const Snapshot& snapshot);

}  // namespace rategate
