#include "daemon/store/primary_proof.hpp"

namespace rategate {

void PrimaryProof::begin(std::string_view peer) {
  peer_ = peer;
  replicas_.forget();
  if (is_required()) replicas_.require(known_ = witness_->replicas(), peer_);
}

// With each answer of the primary, and nearly always the same.
void PrimaryProof::learn_replicas() {
  if (!is_required() || witness_->replicas() == known_) return;
  replicas_.require(known_ = witness_->replicas(), peer_);
}

void PrimaryProof::said(std::string_view replication, Mono sent) {
  if (replicas() > 0) replicas_.said(parse_replication(replication), sent);
}

bool PrimaryProof::is_named(Mono now, std::int64_t good_for_us) const {
  return now <= after(witness_->named_at(), good_for_us);
}

bool PrimaryProof::holds(Mono now) const {
  if (!is_required() || is_named(now, Witness::kGoodForUs)) return true;
  return replicas() > 0 && replicas_.holds(now);
}

bool PrimaryProof::wants_acknowledgement(Mono now) const {
  return is_required() && replicas() > 0 && !replicas_.is_fresh(now) &&
         !is_named(now, Witness::kGoodForUs);
}

void PrimaryProof::doubt(Mono now) {
  if (is_required()) witness_->doubt(now);
}

void PrimaryProof::doubt_if_old(Mono now) {
  if (!is_required() || is_named(now, Witness::kFreshUs)) return;
  if (replicas() == 0 || !replicas_.is_fresh(now)) witness_->doubt(now);
}

std::string PrimaryProof::why_not() const {
  std::string why = "nothing proves that it is still the primary: ";
  if (replicas() == 0) return why + "its replicas are not known";
  return why + replicas_.laggard() + " does not follow it";
}

}  // namespace rategate
