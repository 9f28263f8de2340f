// What is wrong with a configuration, and where.
#pragma once

#include <string>

namespace rategate {

// One thing that is wrong: where, what was expected, and the nearest valid name if one is near.
struct Fault {
  std::string where;  // a file's path, a variable, an option
  int line = 0;       // from 1; 0: not a place in a file
  int column = 0;     // from 1
  std::string text;
};
std::string place_text(const Fault&);  // "PATH:3:1", or where it is
std::string to_text(const Fault&);     // "PATH:3:1: unknown setting 'sokcet' in [server]; ..."

}  // namespace rategate
