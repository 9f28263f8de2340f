// CPU time that a process has used, of all its threads.
#pragma once

#include <sys/types.h>

#include <ctime>

namespace bench {

// In seconds; 0 where there is no such process. This is the process' own clock, in nanoseconds:
// /proc/PID/stat has the same in ticks of 10 ms, which is a hundredth of what one round measures.
inline double cpu_seconds(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

}  // namespace bench
