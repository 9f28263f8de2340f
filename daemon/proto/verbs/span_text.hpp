// A span of time as people read it. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace rategate {

// "4711 ms", "12 s": rounded up, in the largest unit of which there are some. Not negative.
std::string span_text(std::int64_t ms);

}  // namespace rategate
