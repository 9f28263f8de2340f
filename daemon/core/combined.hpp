// Combined checks (docs/combined.md) that wait for the store: what each of their members has come
// to. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/core/request.hpp"

namespace rategate {

// One member of a combined check.
struct Part {
  enum class State : std::uint8_t {
    Open,    // nothing was taken of it
    Asked,   // it waits in the line of its counter
    Paid,    // the result says how; permits in hand, unless it has none
    Denied,  // the result says why
  };
  Member member;
  State state = State::Open;
  CheckResult result{};
  WaiterId waiter{};     // of the last time that it was asked
  bool awaited = false;  // the line of its counter is to answer
};

struct CombinedCheck {
  std::uint64_t number = 0;  // never 0, and not given twice
  std::uint64_t ticket = 0;
  std::uint32_t flow = 0;
  Telling telling = Telling::Integers;
  bool takes = true;
  bool explains = false;
  bool gone = false;           // nobody waits for it any more
  bool over = false;           // it is answered, or gone and looked at: what comes goes back
  std::uint64_t acquirer = 0;  // whose try it is: see CombinedAcquirers; 0: nobody's
  std::uint8_t grouped = 0;    // how often it was to be decided by one call
  Mono deadline;
  std::vector<Part> parts;
  std::shared_ptr<const Explanation> explanation{};  // once it is answered

  bool awaits() const {
    return std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.awaited; });
  }
  bool has(Part::State state) const {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const Part& part) { return part.state == state; });
  }
  Ask ask_of(const Part& part) const {
    return takes ? Ask(part.member.cost) : Ask::look(part.member.cost);
  }
};

// Which member the answer names: the first of those that go before all others.
std::size_t named_of(const CombinedCheck& check);

class CombinedChecks {
 public:
  CombinedCheck begin(CombinedRequest request, Mono deadline) {
    CombinedCheck check;
    check.number = next_number();
    check.ticket = request.ticket;
    check.flow = request.flow;
    check.telling = request.telling;
    check.takes = request.takes;
    check.explains = request.explains;
    check.deadline = deadline;
    check.parts.reserve(request.members.size());
    for (Member& member : request.members) check.parts.push_back({std::move(member)});
    return check;
  }
  std::uint64_t next_number() { return ++last_number_; }
  void keep(CombinedCheck check) {
    if (!check.over) deadlines_.insert({check.deadline, check.number});
    const std::uint64_t number = check.number;
    kept_.emplace(number, std::move(check));
  }
  // Nobody waits for it: it is due. False where it is over, and for one that takes nothing.
  bool abandon(std::uint64_t number) {
    CombinedCheck* const check = find(number);
    if (check == nullptr || check->over || check->gone) return false;
    deadlines_.erase({check->deadline, number});
    check->gone = true;
    check->deadline = Mono{0};
    deadlines_.insert({check->deadline, number});
    return check->takes;
  }
  // It is answered, or gone and looked at.
  void end(CombinedCheck& check) {
    deadlines_.erase({check.deadline, check.number});
    check.over = true;
  }
  void forget(std::uint64_t number) { kept_.erase(number); }
  // Null where it is kept no more.
  CombinedCheck* find(std::uint64_t number) {
    const auto found = kept_.find(number);
    return found == kept_.end() ? nullptr : &found->second;
  }
  // Null where none is due.
  CombinedCheck* due(Mono now) {
    const bool any = !deadlines_.empty() && deadlines_.begin()->first <= now;
    return any ? find(deadlines_.begin()->second) : nullptr;
  }
  // Of those that are not over.
  template <class Visit>
  void each_part(const Visit& visit) {
    for (const auto& [deadline, number] : deadlines_) {
      for (Part& part : find(number)->parts) visit(part);
    }
  }
  Mono next_deadline() const { return deadlines_.empty() ? kNever : deadlines_.begin()->first; }

  // The ticket of a member, and what it is of.
  static std::uint64_t ticket_of(const CombinedCheck& check, std::size_t part) {
    return check.number * kMostMembers + part;
  }
  static std::uint64_t number_of(std::uint64_t ticket) { return ticket / kMostMembers; }
  static std::size_t part_of(std::uint64_t ticket) { return ticket % kMostMembers; }

 private:
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, CombinedCheck> kept_;
  std::set<std::pair<Mono, std::uint64_t>> deadlines_;  // of those that are not over
};

}  // namespace rategate
