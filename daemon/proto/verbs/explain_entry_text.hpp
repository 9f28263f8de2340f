// What EXPLAIN says in sentences of a limit of concurrency: the parts of explain_text.hpp that are
// of nothing else. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/core/explanation.hpp"

namespace rategate {

// Why an ENTER would be let in or not, where it is decided by what is entered and held: of all
// reasons but NeverFits, and but what the limit's on_store_down decides.
std::string entry_reason_text(const ExplainedLimit& of, const ExplainedAnswer& answer);
// When it would be told something else, where that is not for all time. `more`: so many such
// entries can begin; less than 0 where that is not known.
std::string entry_next_text(const ExplainedLimit& of, const ExplainedAnswer& answer,
                            std::int64_t more);

}  // namespace rategate
