// TOML's text as a document. It hides the TOML library.
#pragma once

#include <string_view>

#include "daemon/config/document.hpp"

namespace rategate {

// Faults: not UTF-8, a NUL byte, a key of too many parts, not TOML (with TOML's own words), a key
// given twice (with both places). Then the document is empty.
Document parse_document(std::string_view text, std::string_view path);

}  // namespace rategate
