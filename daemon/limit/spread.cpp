#include "daemon/limit/spread.hpp"

namespace rategate {

std::vector<Limit> sub_limits_of(const Limit& limit) {
  std::vector<Limit> subs;
  for (std::int64_t i = 0; i < limit.spread; ++i) {
    Limit& sub = subs.emplace_back(limit);
    sub.spread = 1;
    sub.permits = limit.permits / limit.spread + (i < limit.permits % limit.spread ? 1 : 0);
    sub.sub = {i, limit.spread};
  }
  return subs;
}

}  // namespace rategate
