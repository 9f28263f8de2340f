// The program rategated: what its command line asks for.
#pragma once

namespace rategate {

// Answers the process' exit code: 0, 1 for a configuration or a start that failed, 2 for a command
// line that is not understood.
int run_program(int argc, const char* const* argv);

}  // namespace rategate
