#include "daemon/store/sentinel/majority.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace rategate {
namespace {

bool names(const std::optional<SentinelAnswer>& answer, const HostPort& primary) {
  return answer && answer->primary == primary;
}

}  // namespace

void Majority::answered(std::size_t at, SentinelAnswer answer) { answers_[at] = std::move(answer); }

std::optional<HostPort> Majority::primary(Mono now) const {
  for (const auto& answer : answers_) {
    if (!answer || !answer->primary) continue;
    const auto since = named_since_question(*answer->primary);
    if (since && now <= after(*since, kFreshUs)) return answer->primary;
  }
  return std::nullopt;
}

std::optional<Mono> Majority::named_since_question(const HostPort& primary) const {
  std::vector<Mono> asked;
  for (const auto& answer : answers_) {
    if (names(answer, primary)) asked.push_back(answer->asked);
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
    if (!names(answer, primary) || answer->asked < *since) continue;
    if (!answer->replicas) return std::nullopt;
    all.insert(all.end(), answer->replicas->begin(), answer->replicas->end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace rategate
