// What to do about a failure, for the person at the terminal.
#pragma once

#include <string>

namespace rategate::cli {

// For an errno value that the library lists and the socket that was asked at: some lines, each
// ending with a line end, or nothing. `failure` is the failure's text; `may_declare` says that the
// call could have declared its limit.
std::string advice(int code, const std::string& socket_path, const std::string& failure,
                   bool may_declare);

}  // namespace rategate::cli
