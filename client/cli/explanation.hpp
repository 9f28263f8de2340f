// The answer to EXPLAIN, as it is shown.
#pragma once

#include <rategate/rategate.h>

#include <string>

namespace rategate::cli {

// How it would end: what the program exits with says so.
enum class Explained { Allowed, Denied, Undecided };

// Each throws Refused where the answer is something else than an explanation.
Explained verdict_of(const rategate_reply& explanation);
// What would be decided and why, then a block of lines for each limit and each of its counters.
std::string explanation_text(const rategate_reply& explanation);
std::string explanation_json(const rategate_reply& explanation);

}  // namespace rategate::cli
