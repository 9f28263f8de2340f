#include "daemon/limit/hold_record.hpp"

#include <algorithm>

namespace rategate {

void HoldRecord::share(const Holder& other, std::int64_t asked_ms, std::int64_t now_ms,
                       HoldAnswer& answer) {
  const bool needs = other.wanted > other.held && asked_ms > now_ms - kNeedsForMs;
  answer.others += other.held;
  if (needs || other.held > 0) ++answer.sharing;
  if (needs) answer.least = answer.least < 0 ? other.held : std::min(answer.least, other.held);
}

HoldAnswer HoldRecord::hold(const HoldAsked& asked, StoreTime now) {
  const std::int64_t now_ms = now.us / 1000;
  HoldAnswer answer;
  answer.time = now;
  // Who has not gone yet, without the one that asks; in their order.
  std::vector<Holder> next;
  Holder mine{asked.host};
  bool known = false;
  for (const Holder& holder : holders_) {
    if (holder.gone_ms <= now_ms) continue;
    if (holder.host == asked.host) {
      mine = holder;
      known = true;
      continue;
    }
    if (holder.until_ms > now_ms) share(holder, holder.until_ms - asked.ttl_ms, now_ms, answer);
    next.push_back(holder);
  }
  answer.held = mine.held;
  answer.until = {mine.until_ms * 1000};
  if (known && asked.sequence <= mine.sequence) {
    answer.status = HoldAnswer::Status::Late;
    return answer;
  }
  if (next.size() >= kMostHolders) {
    answer.status = HoldAnswer::Status::Crowded;
    return answer;
  }
  const bool is_good = mine.until_ms > now_ms;
  std::int64_t granted = asked.used;
  // Who believes to hold something that is not there may not be the only one: nobody is given more.
  if (is_good || asked.kept == 0) {
    const std::int64_t kept = is_good ? std::min(asked.kept, mine.held) : 0;
    granted = std::max({asked.used, kept, std::min(asked.wanted, asked.limit - answer.others)});
  }
  mine.held = answer.held = granted;
  mine.until_ms = now_ms + asked.ttl_ms;
  mine.sequence = asked.sequence;
  mine.wanted = asked.wanted;
  mine.gone_ms = std::max(mine.gone_ms, mine.until_ms + asked.ttl_ms);
  answer.until = {mine.until_ms * 1000};
  next.push_back(mine);
  holders_ = std::move(next);
  return answer;
}

std::int64_t HoldRecord::gone_ms() const {
  std::int64_t gone = 0;
  for (const Holder& holder : holders_) gone = std::max(gone, holder.gone_ms);
  return gone;
}

}  // namespace rategate
