// What there is to know of who may have taken the place of the primary in use, beside what that one
// says of itself: one of two proofs that it is still the primary has to be at hand before what it
// grants is used. See docs/failover.md. Not thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "daemon/base/time.hpp"

namespace rategate {

class Witness {
 public:
  // Before it has been named.
  static constexpr Mono kNotNamed{INT64_MIN / 2};
  // How long a naming is good for; and when it is time to ask for another one.
  static constexpr std::int64_t kGoodForUs = 1'000'000;
  static constexpr std::int64_t kFreshUs = 500'000;

  Witness() = default;
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  virtual ~Witness() = default;

  // All servers that may be promoted in its place, by address as the primary's INFO shows it; that
  // of the primary itself may be among them. Empty: none is known.
  virtual const std::vector<std::string>& replicas() const = 0;
  // When the question was sent by whose answer a majority named it, the oldest of the questions of
  // that majority; kNotNamed where none has.
  virtual Mono named_at() const { return kNotNamed; }
  // A majority is to be asked, soon.
  virtual void doubt(Mono) {}
};

// A list that somebody has written down, and nobody to ask.
class FixedReplicas final : public Witness {
 public:
  explicit FixedReplicas(std::vector<std::string> replicas) : replicas_(std::move(replicas)) {}
  const std::vector<std::string>& replicas() const override { return replicas_; }

 private:
  std::vector<std::string> replicas_;
};

}  // namespace rategate
