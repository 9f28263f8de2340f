// Keys that are blocked, as clients are told of it: docs/shared-memory.md, "Blocked keys".
#include <algorithm>

#include "daemon/core/shared_pools.hpp"

namespace rategate {
namespace {
// A ban that ends later than this before the next one is as good as that.
constexpr std::int64_t kRenewMs = 500;
}  // namespace

SharedPools::Place SharedPools::place_of_ban(const Whose& whose) const {
  Place place = place_of(whose);
  place.identity.rule |= RG_RULE_IS_BLOCKED;
  return place;
}

// The slot of one has no owner. Whoever may write there may hide it, and gains no permit by that.
SlotId SharedPools::find_ban(const Place& place) {
  for (std::uint32_t probe = 0; probe < RG_SHM_PROBES; ++probe) {
    const SlotId at{(place.home + probe) & mask_};
    if (!entry(at).owner.is_none()) continue;
    if (rg_slot_is(&slot(at), &place.identity) && rg_is_blocked(&slot(at))) return at;
  }
  return {};
}

void SharedPools::ban(const Whose& whose, std::int64_t end_ms, std::uint32_t rest_ms,
                      std::int64_t over_ms) {
  const Place place = place_of_ban(whose);
  SlotId at = find_ban(place);
  for (std::uint32_t probe = 0; at.is_none() && probe < RG_SHM_PROBES; ++probe) {
    const SlotId free{(place.home + probe) & mask_};
    const Entry& book = entry(free);
    if (!book.owner.is_none() || std::max(book.last_end_ms[0], book.last_end_ms[1]) > over_ms) {
      continue;
    }
    hand_over(free, place.identity);
    at = free;
  }
  if (at.is_none()) return;  // asked over the socket
  const Entry& book = entry(at);
  if (std::max(book.last_end_ms[0], book.last_end_ms[1]) + kRenewMs > end_ms) return;
  const int parity = book.last_end_ms[0] <= book.last_end_ms[1] ? 0 : 1;
  rg_slot& shown = slot(at);
  rg_word_void(&shown.word[parity]);
  if (!will_publish(at, parity, end_ms)) return;
  rg_hint_store(&shown.left, rest_ms);
  rg_word_publish(&shown.word[parity], rg_word_make(end_ms, 0, true));
}

void SharedPools::lift_ban(const Whose& whose) {
  const SlotId at = find_ban(place_of_ban(whose));
  if (!at.is_none()) hand_over(at, rg_identity{});
}

}  // namespace rategate
