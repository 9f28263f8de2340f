// An answer that is as long as there are connections or limits: it is made in pieces, each in its
// connection's slice of a turn, so that nobody else waits for all of it. What it tells is not of
// one moment, therefore; but each line of it is, and who is there all the time stands in it once.
#pragma once

#include <cstddef>
#include <string>

namespace rategate {

class LongAnswer {
 public:
  // So many lines a piece: some tens of microseconds.
  static constexpr std::size_t kLines = 16;

  LongAnswer() = default;
  LongAnswer(const LongAnswer&) = delete;
  LongAnswer& operator=(const LongAnswer&) = delete;
  virtual ~LongAnswer() = default;

  // Makes another piece, and appends what of the reply is ready. True once that is all of it.
  virtual bool go_on(std::string& out) = 0;

  virtual std::size_t memory() const = 0;
};

}  // namespace rategate
