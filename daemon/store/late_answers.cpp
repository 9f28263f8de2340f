#include "daemon/store/late_answers.hpp"

#include <algorithm>

namespace rategate {

void LateAnswers::answered(Mono sent, Mono received) {
  if (received < after(std::max(sent, waited_until_), timeout_us_)) {
    reset();
  } else if (sent >= last_) {
    ++in_a_row_;
    last_ = received;
  }
}

}  // namespace rategate
