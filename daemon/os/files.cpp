#include "daemon/os/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>

#include "daemon/os/fd.hpp"

namespace rategate {
namespace {

Error failed(const char* what, int code) {
  return Error{std::string(what) + ": " + std::generic_category().message(code)};
}

}  // namespace

Result<FileText> read_file(const std::string& path, std::size_t most) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd.get() < 0) {
    if (errno == ENOENT) return FileText{.exists = false, .text = {}};
    return failed("cannot be opened", errno);
  }
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return failed("cannot be read", errno);
  if (S_ISDIR(status.st_mode)) return Error{"is a directory, expected a file"};
  if (!S_ISREG(status.st_mode)) return Error{"is not a regular file"};

  FileText file;
  char buffer[16384];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("cannot be read", errno);
    if (n == 0) return file;
    file.text.append(buffer, static_cast<std::size_t>(n));
    if (file.text.size() > most) {
      return Error{"is too long, expected at most " + std::to_string(most) + " bytes"};
    }
  }
}

std::string not_executable(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || ::access(path.c_str(), X_OK) != 0) {
    return failed("cannot be run", errno).text;
  }
  return S_ISREG(status.st_mode) ? "" : "is not a regular file";
}

Result<std::vector<std::string>> list_files(const std::string& directory, const char* suffix) {
  std::vector<std::string> files;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), &::closedir);
  if (!dir) {
    if (errno == ENOENT) return files;
    return failed("cannot be opened", errno);
  }
  while (true) {
    errno = 0;
    // No other thread reads this stream.
    const dirent* entry = ::readdir(dir.get());  // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name.ends_with(suffix) && !name.starts_with('.')) {
      files.push_back(directory + "/" + std::string(name));
    }
  }
  if (errno != 0) return failed("cannot be read", errno);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace rategate
