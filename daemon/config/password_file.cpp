#include "daemon/config/password_file.hpp"

#include "daemon/os/files.hpp"

namespace rategate {

std::string without_line_break(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return std::string(text);
}

Result<std::string> read_password_file(const std::string& path) {
  const auto file = read_file(path, kMostPassword);
  if (!file) return Error{path + " " + file.error()};
  if (!file->exists) return Error{path + " does not exist"};
  std::string password = without_line_break(file->text);
  if (password.empty()) return Error{path + " is empty, expected a password"};
  return password;
}

}  // namespace rategate
