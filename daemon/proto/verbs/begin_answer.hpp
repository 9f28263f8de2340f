#pragma once

#include <memory>
#include <string>
#include <utility>

#include "daemon/proto/long_answer.hpp"
#include "daemon/proto/verbs/verb.hpp"

namespace rategate {

// Appends the answer's first piece; where there is more of it, the caller has it go on.
inline Handled begin_answer(Caller& caller, std::unique_ptr<LongAnswer> answer, std::string& out) {
  if (answer->go_on(out)) return Handled::Replied;
  caller.answer = std::move(answer);
  return Handled::Unfinished;
}

}  // namespace rategate
