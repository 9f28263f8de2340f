// How much of a limit is given out at full demand, and whether hosts get their shares.
#pragma once

namespace rategate::sim {

// Runs the schedules that are made for it and prints their numbers. False where one is not reached.
bool judge_utilisation();

}  // namespace rategate::sim
