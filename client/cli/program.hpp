// The command that run and enter hold back: in the place of this process, or beside it.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace rategate::cli {

// Becomes the program, which has a name and arguments. Returns only when it cannot, with the exit
// code that says so, after it has said why.
int become(const std::vector<std::string>& program);

// Runs the program as a child until it ends, and returns its exit code; 128 and the signal's number
// where one has ended it. Signals that somebody sends to this process to end it, or to tell it
// something, go on to the child; those of the terminal the child has by itself. Where this process
// is killed, so is the child. Calls `look` about once a second meanwhile. Throws std::system_error
// where there can be no child.
int run_beside(const std::vector<std::string>& program, const std::function<void()>& look);

}  // namespace rategate::cli
