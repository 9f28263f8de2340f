#include "daemon/config/parents.hpp"

#include <algorithm>
#include <string>

#include "daemon/limit/members.hpp"

namespace rategate {
namespace {

// What is wrong with the limits above this one; empty: nothing.
std::string fault_of(const PlacedLimits& limits, const Limit& limit) {
  std::string chain = "'" + limit.name + "'";
  std::size_t windows = 1 + limit.more.size();
  const Limit* at = &limit;
  for (std::size_t above = 0; !at->parent.empty(); ++above) {
    const auto found = limits.find(at->parent);
    if (found == limits.end()) {
      return "parent = \"" + at->parent + "\": expected the name of another limit; there is none";
    }
    at = &found->second.limit;
    if (is_concurrency(*at)) {
      return "parent = \"" + at->name + "\": expected a limit that is no limit of concurrency";
    }
    chain.append(", '").append(at->name).append("'");
    if (at == &limit) return "it is above itself: " + chain;
    if (above == kMostParents) {
      return "expected at most " + std::to_string(kMostParents) + " limits above it: " + chain;
    }
    windows += 1 + at->more.size();
  }
  if (windows <= kMostMembers) return {};
  return "it has " + std::to_string(windows) +
         " windows with those of the limits above it: " + "expected at most " +
         std::to_string(kMostMembers);
}

}  // namespace

void check_parents(const PlacedLimits& limits, std::vector<Fault>& faults) {
  for (const auto& [name, placed] : limits) {
    const std::string text = placed.limit.parent.empty() ? "" : fault_of(limits, placed.limit);
    if (text.empty()) continue;
    faults.push_back(placed.place);
    faults.back().text = "limit '" + name + "': ";
    faults.back().text += text;
  }
}

}  // namespace rategate
