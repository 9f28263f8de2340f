// INFO, made of the table: lines field:value by section, as docs/protocol.md has them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "daemon/metrics/snapshot.hpp"

namespace rategate {

// One of info_sections(), with its title. Each line ends in CRLF. The lines of single limits are
// the next function's.
std::string info_section(std::string_view section, const Snapshot& snapshot);

// The lines that stand behind the section "limits", one for each of these.
void append_limit_lines(std::string& text, std::span<const LimitFacts> limits);

}  // namespace rategate
