#include "daemon/config/limit_checks.hpp"

#include <string>
#include <utility>

#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

// `limit` has a counter's name in common with `other`. What is wrong with that; empty: nothing.
std::string fault_of_sharing(const Limit& limit, const Limit& other, const Fault& others_place) {
  const std::string that = "limit '" + other.name + "' (" + place_text(others_place) + ")";
  if (limit.spread > 1 || other.spread > 1) {
    return "limit '" + limit.name + "' shares its counter with " + that +
           ": expected no spread, by which each would have parts of its own size";
  }
  if (other.algorithm != limit.algorithm) {
    return "limit '" + limit.name + "' has algorithm = " + quoted(limit.algorithm->name) +
           " and shares its counter with " + that + ", whose algorithm is " +
           quoted(other.algorithm->name) + "; expected one, or %n in redis_key";
  }
  if (period_text(other) == period_text(limit)) return {};
  return "limit '" + limit.name + "' has a period of " + period_text(limit) +
         " and shares its counter with " + that + ", whose period is " + period_text(other) +
         "; expected one period, or %p or %n in redis_key";
}

}  // namespace

void check_spread(const PlacedLimits& limits, bool in_cluster, std::vector<Fault>& faults) {
  for (const auto& [name, placed] : limits) {
    const Limit& limit = placed.limit;
    if (limit.spread == 1) continue;
    Fault fault = placed.place;
    fault.text =
        "limit '" + name + "' has spread = " + std::to_string(limit.spread) + ": expected ";
    if (!in_cluster) {
      fault.text += "[cluster], as it spreads a limit over the shards of one";
    } else if (limit.permits < limit.spread) {
      fault.text += "a limit of so many permits at least";
    } else {
      continue;
    }
    faults.push_back(std::move(fault));
  }
}

void check_slots(const PlacedLimits& limits, std::vector<Fault>& faults) {
  for (const auto& [name, placed] : limits) {
    if (placed.limit.period_ms == 0 || placed.limit.redis_key.has_steady_tag()) continue;
    Fault fault = placed.place;
    fault.text = "limit '" + name + "' has redis_key = \"" + placed.limit.redis_key.text() +
                 "\": in a cluster expected a tag in braces such as {%n:%k} in it, without %w and "
                 "not of %k alone, by which all windows of a counter are in one slot";
    faults.push_back(std::move(fault));
  }
}

void check_shared_counters(const PlacedLimits& limits, std::vector<Fault>& faults) {
  struct Counted {
    Limit limit;
    const Fault* place;
  };
  // Two limits can only meet where names and periods, put into their templates, make one text.
  std::map<std::string, Counted> counters;
  for (const auto& [name, placed] : limits) {
    if (placed.limit.period_ms == 0) continue;
    for (Limit& window : windows_of(placed.limit)) {
      std::string counter = counter_names(window).of("", 0);
      const auto [found, added] =
          counters.try_emplace(std::move(counter), Counted{window, &placed.place});
      if (added) continue;
      const Counted& other = found->second;
      Fault fault = placed.place;
      fault.text = fault_of_sharing(window, other.limit, *other.place);
      if (!fault.text.empty()) faults.push_back(std::move(fault));
    }
  }
}

}  // namespace rategate
