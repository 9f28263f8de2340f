// How much of what buckets promise is given out, and how often without asking the store.
#pragma once

namespace rategate::sim {

// Prints a line for each case. False where one gives out less than it must, or more.
bool judge_use_of_buckets();

}  // namespace rategate::sim
