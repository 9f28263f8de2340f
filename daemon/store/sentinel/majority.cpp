#include "daemon/store/sentinel/majority.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace rategate {
namespace {

// The answer, where it names that primary; else null.
const SentinelAnswer* naming(const std::optional<SentinelAnswer>& answer, const HostPort& primary) {
  return answer && answer->primary == primary ? &*answer : nullptr;
}

}  // namespace

void Majority::answered(std::size_t at, SentinelAnswer answer) { answers_[at] = std::move(answer); }

std::optional<HostPort> Majority::primary(Mono now) const {
  for (const auto& answer : answers_) {
    if (!answer || !answer->primary) continue;
    const auto since = named_since_question(*answer->primary);
    if (since && now <= after(*since, kGoodForUs)) return answer->primary;
  }
  return std::nullopt;
}

std::optional<Mono> Majority::named_since_question(const HostPort& primary) const {
  std::vector<Mono> asked;
  for (const auto& answer : answers_) {
    if (const auto* named = naming(answer, primary)) asked.push_back(named->asked);
  }
  if (asked.size() < enough()) return std::nullopt;
  std::sort(asked.begin(), asked.end(), std::greater<>());
  return asked[enough() - 1];
}

std::optional<std::vector<HostPort>> Majority::replicas_of(const HostPort& primary) const {
  const auto since = named_since_question(primary);
  if (!since) return std::nullopt;
  std::vector<HostPort> all;
  for (const auto& answer : answers_) {
    const auto* named = naming(answer, primary);
    if (named == nullptr || named->asked < *since) continue;
    const auto& replicas = named->replicas;
    if (!replicas) return std::nullopt;
    all.insert(all.end(), replicas->begin(), replicas->end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace rategate
