// How much of a limit is given out at full demand, and whether hosts get their shares.
#pragma once

namespace rategate::sim {

// Whether hosts that want more than there is of a window have about as much of it as others, in
// ACQUIRE and in CHECK, also where one of them is further from the store. Prints what they have.
bool judge_sharing();

// Runs the schedules that are made for it and prints their numbers. False where one is not reached.
bool judge_utilisation();

}  // namespace rategate::sim
