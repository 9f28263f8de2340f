// Whether a store answers, and too late each time: what opens the circuit where silence does not
// (docs/overload.md, "Who is asked for"). Checks come to their deadline then before they are
// answered, so waiting for the store gives nobody anything. Pure; not thread-safe.
#pragma once

#include <cstdint>

#include "daemon/base/time.hpp"

namespace rategate {

class LateAnswers {
 public:
  // An answer is late that takes longer than `timeout_us`.
  explicit LateAnswers(std::int64_t timeout_us) : timeout_us_(timeout_us) {}

  // An answer has come. What had to wait for replicas is late by them, and not by the way. Of what
  // was under way together one counts: all of it is late where the store, or this host, has stood
  // still once, and where more was asked than passes, which the first late answer tells.
  void answered(Mono sent, Mono received);
  // A call that waits for replicas has been answered; calls behind it were kept until then.
  void waited(Mono until) { waited_until_ = until; }
  // A new connection.
  void reset() {
    in_a_row_ = 0;
    last_ = {INT64_MIN};
  }

  bool none() const { return in_a_row_ == 0; }
  // Three in a row, each to what was asked after the one before it had come.
  bool too_many() const { return in_a_row_ >= 3; }

 private:
  const std::int64_t timeout_us_;
  int in_a_row_ = 0;
  Mono last_{INT64_MIN};  // when the last that counts has come
  Mono waited_until_{INT64_MIN};
};

}  // namespace rategate
