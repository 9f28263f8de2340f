// What EXPLAIN says in sentences, for people who know nothing of the daemon. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/core/explanation.hpp"

namespace rategate {

// Why it would be allowed or denied: "denied: 100 of 100 were given out in this window; the next
// window opens in 312 ms".
std::string why_text(const Explanation& explanation);
// The same of one of several limits.
std::string why_text(const ExplainedLimit& limit);
// When the answer would be another one.
std::string next_text(const Explanation& explanation);
// "allowed", "denied", or "error" where a check would be answered by one.
std::string verdict_word(const ExplainedAnswer& answer);
// How many more checks of that cost could be allowed; less than 0 where that is not known.
std::int64_t more_checks(const ExplainedAnswer& answer, std::int64_t cost);

}  // namespace rategate
