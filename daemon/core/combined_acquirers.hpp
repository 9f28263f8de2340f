// Those in ACQUIRE that wait for several limits at once (docs/waiting.md): in which line, and until
// when. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "daemon/base/time.hpp"
#include "daemon/core/request.hpp"

namespace rategate {

// One of them. It is tried by combined checks, one after the other, each of which may be denied.
struct CombinedAcquirer {
  std::uint64_t number = 0;
  CombinedRequest request;  // of each try
  std::string line;
  std::uint64_t trying = 0;  // the number of the try that waits for the store; 0: none does
  Mono due = kNever;         // then it is tried, or denied; kNever while it is being tried
};

class CombinedAcquirers {
 public:
  // Those who wait for the same limits and keys stand in one line, whatever their costs are.
  static std::string line_of(const Members& members) {
    std::string line;
    for (const Member& member : members) {
      const auto limit = reinterpret_cast<std::uintptr_t>(member.limit.get());
      for (const std::size_t part : {static_cast<std::size_t>(limit), member.key.size()}) {
        line.append(std::to_string(part)).push_back(' ');
      }
      line += member.key;
    }
    return line;
  }

  // The last of its line. Numbers grow, so that they are the order of arrival.
  CombinedAcquirer& join(std::uint64_t number, CombinedRequest request, std::string line) {
    lines_[line].insert(number);
    return all_.emplace(number, CombinedAcquirer{number, std::move(request), std::move(line)})
        .first->second;
  }
  // It is answered, or gone: what it asked for.
  CombinedRequest leave(const CombinedAcquirer& one) {
    wait_until(one.number, kNever);
    const auto line = lines_.find(one.line);
    line->second.erase(one.number);
    if (line->second.empty()) lines_.erase(line);
    return std::move(all_.extract(one.number).mapped().request);
  }
  // Null where it does not wait any more.
  CombinedAcquirer* find(std::uint64_t number) {
    const auto found = all_.find(number);
    return found == all_.end() ? nullptr : &found->second;
  }
  // The first of the line; null where nobody stands there.
  CombinedAcquirer* first_of(const std::string& line) {
    const auto found = lines_.find(line);
    return found == lines_.end() ? nullptr : find(*found->second.begin());
  }
  bool is_first(const CombinedAcquirer& one) { return first_of(one.line) == &one; }

  void wait_until(std::uint64_t number, Mono due) {
    CombinedAcquirer& one = all_.at(number);
    if (one.due != kNever) due_.erase({one.due, number});
    one.due = due;
    if (due != kNever) due_.insert({due, number});
  }
  // Null where none is.
  CombinedAcquirer* due(Mono now) {
    return !due_.empty() && due_.begin()->first <= now ? find(due_.begin()->second) : nullptr;
  }
  Mono next_due() const { return due_.empty() ? kNever : due_.begin()->first; }

  std::size_t count() const { return all_.size(); }
  std::size_t count_of(const std::string& line) const {
    const auto found = lines_.find(line);
    return found == lines_.end() ? 0 : found->second.size();
  }
  // In the order of arrival. What is visited may leave.
  template <class Visit>
  void each(const Visit& visit) {
    for (auto next = all_.begin(); next != all_.end();) visit((next++)->second);
  }

 private:
  std::map<std::uint64_t, CombinedAcquirer> all_;
  std::map<std::string, std::set<std::uint64_t>> lines_;
  std::set<std::pair<Mono, std::uint64_t>> due_;
};

}  // namespace rategate
