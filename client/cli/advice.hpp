// What to do about a failure, for the person at the terminal.
#pragma once

#include <string>

namespace rategate::cli {

// For an errno value that the library lists and the socket that was asked at: some lines, each
// ending with a line end, or nothing. `failure` is the failure's text.
std::string advice(int code, const std::string& socket_path, const std::string& failure);

}  // namespace rategate::cli
