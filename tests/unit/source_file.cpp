#include "tests/unit/source_file.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace rategate::test {

std::string source_file(const std::string& name) {
  std::ifstream in(RATEGATE_SOURCE_DIR "/" + name);
  if (!in) throw std::runtime_error("there is no " + name);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace rategate::test
