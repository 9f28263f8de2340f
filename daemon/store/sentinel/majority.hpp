// Whom the sentinels name, and what that proves: the last answer of each, counted. None is followed
// alone, as one may be cut off from the others, or lie. Pure; not thread-safe.
//
// An answer is as old as its question: what a sentinel said was so at some moment between the
// sending of the question and the reading of the answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/host_port.hpp"
#include "daemon/base/time.hpp"
#include "daemon/store/witness.hpp"

namespace rategate {

struct SentinelAnswer {
  std::optional<HostPort> primary;  // nothing: it knows none
  std::string error;                // why, then
  // Asked for before the primary: where both are of one answer, that primary still had them.
  std::optional<std::vector<HostPort>> replicas;  // nothing: not known
  Mono asked;                                     // when the question was sent
};

class Majority {
 public:
  // Beyond this age an answer moves nothing, nor proves anything.
  static constexpr std::int64_t kGoodForUs = Witness::kGoodForUs;

  // One more sentinel is configured; it has said nothing yet.
  void add() { answers_.emplace_back(); }
  // What sentinel number `at` says now, in the place of what it said before.
  void answered(std::size_t at, SentinelAnswer answer);

  std::size_t sentinels() const { return answers_.size(); }
  // How many of them are a majority.
  std::size_t enough() const { return answers_.size() / 2 + 1; }

  // The primary, as a majority named it in answers that are fresh now.
  std::optional<HostPort> primary(Mono now) const;

  // The proof that a majority gives for a primary: the sending of the oldest question among those
  // by whose answers enough of them named it, taking the newest that there are. At that moment, or
  // later, each of a majority held it for the primary. Nothing where a majority does not name it.
  std::optional<Mono> named_since_question(const HostPort& primary) const;

  // The replicas of that primary: all that any sentinel lists which names it and is as fresh as
  // that proof, sorted. Nothing where a majority does not name it, or one of them does not tell.
  std::optional<std::vector<HostPort>> replicas_of(const HostPort& primary) const;

 private:
  std::vector<std::optional<SentinelAnswer>> answers_;  // the last of each sentinel
};

}  // namespace rategate
