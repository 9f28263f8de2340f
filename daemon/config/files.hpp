// The configuration's file, and the limits in limits.d beside it.
#pragma once

#include <string_view>

#include "daemon/config/loading.hpp"
#include "daemon/config/sources.hpp"

namespace rategate {

void load_files(const Sources&, Loading&);

// What load_files does with the text of the file itself.
void load_file_text(std::string_view text, std::string_view path, Loading&);

}  // namespace rategate
