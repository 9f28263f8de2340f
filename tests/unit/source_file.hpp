// Files of the source tree that a test holds the program against.
#pragma once

#include <string>

namespace rategate::test {

// What stands in the file of that name, which is relative to the top of the tree. Throws where
// there is none.
std::string source_file(const std::string& name);

}  // namespace rategate::test
