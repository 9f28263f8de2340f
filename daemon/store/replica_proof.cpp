#include "daemon/store/replica_proof.hpp"

#include <algorithm>
#include <utility>

namespace rategate {
namespace {

// A question is of use for as long as a proof by it would be good, and twenty a second are enough.
constexpr std::int64_t kKeepUs = ReplicaProof::kGoodForUs;
constexpr std::int64_t kEveryUs = 50'000;

}  // namespace

void ReplicaProof::require(const std::vector<std::string>& replicas, std::string_view primary) {
  std::vector<Followed> required;
  for (const std::string& address : replicas) {
    if (address == primary) continue;
    const auto known = std::find_if(followed_.begin(), followed_.end(),
                                    [&](const Followed& one) { return one.address == address; });
    required.push_back(known == followed_.end() ? Followed{address} : *known);
  }
  followed_ = std::move(required);
}

void ReplicaProof::forget() {
  questions_.clear();
  for (Followed& replica : followed_) replica.at = Mono{INT64_MIN};
}

void ReplicaProof::said(const Replication& replication, Mono sent) {
  for (Followed& replica : followed_) {
    const auto* const known = replication.find(replica.address);
    if (known == nullptr || !known->online) {
      replica.at = Mono{INT64_MIN};  // whatever it did before, it may have been promoted since
      continue;
    }
    for (const Question& question : questions_) {
      if (known->offset > question.offset) replica.at = std::max(replica.at, question.sent);
    }
  }
  while (!questions_.empty() && after(questions_.front().sent, kKeepUs) < sent) {
    questions_.pop_front();
  }
  if (replication.offset <= 0) return;  // it does not tell, and any replica would have more
  if (questions_.empty() || after(questions_.back().sent, kEveryUs) <= sent) {
    questions_.push_back({sent, replication.offset});
  }
}

bool ReplicaProof::holds(Mono now) const { return now <= after(oldest(), kGoodForUs); }

Mono ReplicaProof::oldest() const {
  Mono oldest = kNever;
  for (const Followed& replica : followed_) oldest = std::min(oldest, replica.at);
  return oldest;
}

const std::string& ReplicaProof::laggard() const {
  return std::min_element(
             followed_.begin(), followed_.end(),
             [](const Followed& one, const Followed& other) { return one.at < other.at; })
      ->address;
}

}  // namespace rategate
