// Whether what a primary grants may be used: one of two proofs is at hand that nobody has taken its
// place. Either its replicas follow it, or a majority names it: docs/failover.md. Pure: time comes
// in. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/store/replica_proof.hpp"
#include "daemon/store/witness.hpp"

namespace rategate {

class PrimaryProof {
 public:
  // Null: nobody may take its place, and there is nothing to prove. The witness outlives this.
  explicit PrimaryProof(Witness* witness) : witness_(witness) {}

  bool is_required() const { return witness_ != nullptr; }
  // A new connection, to whom it is by address: what was proved before was of another one, maybe.
  void begin(std::string_view peer);
  // The list may be another with each answer of those who know it.
  void learn_replicas();
  // How many have to follow; 0: none is known.
  std::int64_t replicas() const { return replicas_.replicas(); }

  // What INFO says of its replication; `sent` was read before the question was written.
  void said(std::string_view replication, Mono sent);
  bool holds(Mono now) const;
  // Whether it may be greeted, which may write the record of its reign: others believe since when
  // that is, so that it must not be written on one of whom nothing can be proved. Where its
  // replicas are known they prove it by what is written then.
  bool may_greet(Mono now) const { return replicas() > 0 || holds(now); }
  // Whether the replicas are to acknowledge what is written next. It costs a round trip between the
  // primary and them, or more where one of them is gone: not while the primary is named.
  bool wants_acknowledgement(Mono now) const;

  // Who can give a proof is asked: in any case, or where the one at hand grows old.
  void doubt(Mono now);
  void doubt_if_old(Mono now);
  // For a person, where it does not hold.
  std::string why_not() const;

 private:
  bool is_named(Mono now, std::int64_t good_for_us) const;

  Witness* witness_;
  std::string peer_;
  std::vector<std::string> known_;  // as the witness had them last
  ReplicaProof replicas_;
};

}  // namespace rategate
