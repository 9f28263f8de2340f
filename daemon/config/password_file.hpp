// A file that holds a password.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/base/result.hpp"

namespace rategate {

inline constexpr std::size_t kMostPassword = 4096;  // bytes

// The line break at the end of a file is not a part of the password.
std::string without_line_break(std::string_view text);

// Error: what is wrong with the file, after its path; nothing of what it holds.
Result<std::string> read_password_file(const std::string& path);

}  // namespace rategate
