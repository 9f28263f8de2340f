#include "daemon/os/descriptors.hpp"

#include <sys/resource.h>

namespace rategate {

std::optional<std::uint64_t> raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_max == RLIM_INFINITY ? std::nullopt : std::optional(limit.rlim_max);
}

}  // namespace rategate
