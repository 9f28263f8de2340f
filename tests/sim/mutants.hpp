// The simulation catches each known mistake, or it is worth little.
#pragma once

#include <string>

namespace rategate::sim {

// Runs schedules with each mistake that the file names, one a line, until one fails, and that one
// without the mistake, which must not. Says what caught what. False where one survives.
bool judge_mutants(const std::string& file);

}  // namespace rategate::sim
