#include "daemon/core/combined.hpp"

#include <cstdint>

namespace rategate {
namespace {

// Of a denial, when it may help to ask again.
std::int64_t retry_after_ms(const Part& part) {
  const Decision& decision = part.result.decision;
  return decision.retry_after_ms < 0 ? INT64_MAX : decision.retry_after_ms;
}

// By how much of the limit is left, the least first; where that is not known, none of it is missed.
bool has_less_left(const Part& a, const Part& b) {
  const Decision& one = a.result.decision;
  const Decision& other = b.result.decision;
  if (one.remaining < 0 || one.limit <= 0) return false;
  if (other.remaining < 0 || other.limit <= 0) return true;
  return one.remaining * other.limit < other.remaining * one.limit;
}

bool is_denied(const Part& part) { return part.state == Part::State::Denied; }
// It is allowed although its limit, a shadow, denies.
bool is_shadowed(const Part& part) { return !is_denied(part) && !part.result.decision.allowed; }

// Whether the answer names the one and not the other. An error goes before all decisions.
bool goes_before(const Part& a, const Part& b) {
  const bool fails = a.result.verdict != Verdict::Decided;
  if (fails != (b.result.verdict != Verdict::Decided)) return fails;
  if (is_denied(a) != is_denied(b)) return is_denied(a);
  if (is_denied(a)) return retry_after_ms(a) > retry_after_ms(b);
  if (is_shadowed(a) != is_shadowed(b)) return is_shadowed(a);
  return has_less_left(a, b);
}

}  // namespace

std::size_t named_of(const CombinedCheck& check) {
  std::size_t named = 0;
  for (std::size_t i = 1; i < check.parts.size(); ++i) {
    if (goes_before(check.parts[i], check.parts[named])) named = i;
  }
  return named;
}

}  // namespace rategate
