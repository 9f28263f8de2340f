// Answers to reservations that are not used yet: the store has to say first that it is still who
// was greeted, and has to prove it where it may have been replaced. In the order in which they
// came. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/store/call.hpp"
#include "daemon/store/outbox.hpp"

namespace rategate {

class HeldAnswers {
 public:
  struct Held {
    Outbox::Answered answered;
    std::string error;  // or, where it is empty, what follows
    StoreTime time;
    std::vector<ReserveAnswer> answers;  // the first of them, as many as reservations
    HoldAnswer hold;                     // or this one, to a Hold
    Mono received;
  };

  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }

  void hold(Outbox::Answered answered, const Reply& reply, Mono received);
  // All that grants something is an error in truth.
  void refuse_grants(std::string_view error);
  // The store has said who it is, behind all that is held now.
  void seal() { sealed_ = count_; }
  // Of those that are sealed; what grants nothing may be used without a proof.
  bool grant_anything() const;
  // Those that are sealed, in their order. `use` may clear() the rest.
  template <class Use>
  void use_sealed(const Use& use) {
    for (std::size_t i = 0; i < sealed_; ++i) use(held_[i]);
    const auto begin = held_.begin();
    std::rotate(begin, begin + at(sealed_), begin + at(count_));
    count_ -= sealed_;
    sealed_ = 0;
  }
  void clear() { count_ = sealed_ = 0; }

 private:
  static std::ptrdiff_t at(std::size_t number) { return static_cast<std::ptrdiff_t>(number); }
  static bool grants(const Held& held);

  std::vector<Held> held_;  // the first `count_`; the others are kept for their memory
  std::size_t count_ = 0;
  std::size_t sealed_ = 0;
};

}  // namespace rategate
