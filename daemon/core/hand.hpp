// Permits that were taken out of a pool so that a check which the pool alone cannot pay may be paid
// out of them and of what the counter has left together. They are held all the while: what is not
// spent goes back into the pool. docs/leases.md has why. A plain value.
#pragma once

#include <algorithm>
#include <cstdint>

namespace rategate {

struct Hand {
  std::int64_t shown =
      0;  // were in clients' reach: they may be spent here, and never be given back
  std::int64_t stock = 0;  // never were

  std::int64_t permits() const { return shown + stock; }
  // What is left when so many were spent, at most all. What was shown is spent first.
  Hand without(std::int64_t spent) const {
    const std::int64_t of_shown = std::min(spent, shown);
    return {shown - of_shown, stock - std::min(spent - of_shown, stock)};
  }
};

}  // namespace rategate
