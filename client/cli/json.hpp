// Writing JSON, as little of it as is needed here.
#pragma once

#include <string>
#include <string_view>

namespace rategate::cli {

// With its quotes; bytes that are no UTF-8 become U+FFFD each, so that it always is JSON.
std::string json_string(std::string_view bytes);

// `text` as it is where it is a JSON number, else as a string.
std::string json_number_or_string(std::string_view text);

}  // namespace rategate::cli
