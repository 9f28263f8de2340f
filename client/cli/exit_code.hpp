// What the program ends with.
#pragma once

namespace rategate::cli {

enum ExitCode : int {
  kAllowed = 0,
  kDenied = 1,
  kError = 2,        // of the question, or of the answer
  kUnavailable = 3,  // nobody could be asked
  // Of run and enter, as env(1), timeout(1) and sysexits.h have them.
  kTimedOut = 75,
  kRunFailed = 125,
  kCannotExecute = 126,
  kNotFound = 127,
};

}  // namespace rategate::cli
