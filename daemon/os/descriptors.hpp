// How many file descriptors this process may have open.
#pragma once

#include <cstdint>
#include <optional>

namespace rategate {

// Raises RLIMIT_NOFILE as far as it goes without privileges, and answers how far that is. nullopt:
// there is no end to it, or it is not known.
std::optional<std::uint64_t> raise_descriptor_limit();

// How many are open now, of those below `limit`.
std::uint64_t open_descriptors(std::uint64_t limit);

}  // namespace rategate
