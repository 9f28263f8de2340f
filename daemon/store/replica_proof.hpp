// Whether a primary has proved lately that none of its replicas was promoted in its place: each of
// them has followed it since. A replica that was promoted follows no more, so an old primary that
// goes on, cut off or just woken, fails this some time after the promotion at the latest, and what
// it grants then is not used. Pure: time comes in. Not thread-safe.
//
// It goes by offsets, and not by the `lag` that the primary tells: an old primary that stood still
// reads late acknowledgements as if they were new. Each INFO tells how far the primary was when it
// answered, so after it was asked; a replica that acknowledges more than that was told so later,
// and has followed at the moment of that question.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/store/redis/info.hpp"

namespace rategate {

class ReplicaProof {
 public:
  // How old it may be: by less than what the new primary's first window is behind its promotion.
  static constexpr std::int64_t kGoodForUs = 2'000'000;
  // From when on a new one is worth a round trip between primary and replica.
  static constexpr std::int64_t kFreshUs = 1'000'000;

  // All that may be promoted, by address as the primary's INFO shows it ("10.0.0.2:6379"), but
  // `primary` itself, whom the connection is to; none: nothing is to be proved. Of those that were
  // asked for before, what is proved stays.
  void require(const std::vector<std::string>& replicas, std::string_view primary);
  std::int64_t replicas() const { return static_cast<std::int64_t>(followed_.size()); }

  // A new connection, which may be to another one.
  void forget();
  // What it said; `sent` was read before the question was written.
  void said(const Replication& replication, Mono sent);
  bool holds(Mono now) const;
  bool is_fresh(Mono now) const { return now <= after(oldest(), kFreshUs); }
  // The one that stands against it most, for a person.
  const std::string& laggard() const;

 private:
  struct Question {
    Mono sent;
    std::int64_t offset;  // of the primary when it answered
  };
  struct Followed {
    std::string address;
    Mono at{INT64_MIN};
  };
  Mono oldest() const;

  std::vector<Followed> followed_;
  std::deque<Question> questions_;  // the last ones, of which one may be acknowledged later
};

}  // namespace rategate
