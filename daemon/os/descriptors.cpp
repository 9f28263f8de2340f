#include "daemon/os/descriptors.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

namespace rategate {

std::optional<std::uint64_t> raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  rlimit raised = limit;
  raised.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return limit.rlim_cur == RLIM_INFINITY ? std::nullopt : std::optional(limit.rlim_cur);
}

// Each number by itself, because /proc need not be there. The kernel gives the lowest ones that are
// free, so that a program which has just started has none far above.
std::uint64_t open_descriptors(std::uint64_t limit) {
  constexpr std::uint64_t kFar = 4096;
  std::uint64_t open = 0;
  for (std::uint64_t fd = 0; fd < std::min(limit, kFar); ++fd) {
    if (fcntl(static_cast<int>(fd), F_GETFD) >= 0) ++open;
  }
  return open;
}

}  // namespace rategate
