// Small files, read whole and with bounds, and what else is asked of files.
#pragma once

#include <string>
#include <vector>

#include "daemon/base/result.hpp"

namespace rategate {

struct FileText {
  bool exists = true;
  std::string text;
};

// A regular file of at most `most` bytes. A file that is not there is no error. Never waits (for
// a writer of a FIFO, say). Error: a directory, too long, not to be opened or read, and why.
Result<FileText> read_file(const std::string& path, std::size_t most);

// Why the file cannot be run as a program by the user of this process; empty where it can.
std::string not_executable(const std::string& path);

// Paths of the files in `directory` whose names end with `suffix` and do not start with a dot, in
// the order of their names' bytes. A directory that is not there holds none.
Result<std::vector<std::string>> list_files(const std::string& directory, const char* suffix);

}  // namespace rategate
