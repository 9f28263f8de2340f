#include "tests/model/weaker_orders.hpp"

#include <algorithm>
#include <regex>

namespace rategate::model {
namespace {

std::vector<int> weaker_than(const Site& site) {
  if (site.operation == "fence") {
    // A fence of both kinds is as much as one of each.
    if (site.order == __ATOMIC_ACQ_REL) return {__ATOMIC_ACQUIRE, __ATOMIC_RELEASE, kNoFence};
    return {kNoFence};
  }
  switch (site.order) {
    case __ATOMIC_ACQ_REL:
      return {__ATOMIC_ACQUIRE, __ATOMIC_RELEASE, __ATOMIC_RELAXED};
    case __ATOMIC_ACQUIRE:
    case __ATOMIC_RELEASE:
      return {__ATOMIC_RELAXED};
    default:
      return {};
  }
}

}  // namespace

std::vector<Weakening> weaker_orders(const std::set<Site>& sites) {
  std::vector<Weakening> all;
  for (const Site& site : sites) {
    for (const int order : weaker_than(site)) all.push_back({site, order});
  }
  return all;
}

const std::vector<Kept>& kept_orders() {
  static const std::vector<Kept> kept = {
      {{{"rg_word_swap", "swap", __ATOMIC_ACQ_REL}, __ATOMIC_RELEASE},
       "kept: C11 wants success no weaker than failure, which is acquire"},
  };
  return kept;
}

const char* reason_to_keep(const Weakening& weakening) {
  for (const Kept& kept : kept_orders()) {
    if (kept.weakening.site == weakening.site && kept.weakening.order == weakening.order) {
      return kept.reason;
    }
  }
  return nullptr;
}

size_t count_strong_orders(const std::string& text) {
  static const std::regex comments("/\\*[^*]*\\*+(?:[^/*][^*]*\\*+)*/");
  static const std::regex strong("__ATOMIC_(CONSUME|ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)");
  const std::string code = std::regex_replace(text, comments, " ");
  return static_cast<size_t>(
      std::distance(std::sregex_iterator(code.begin(), code.end(), strong), {}));
}

const char* order_name(int order) {
  switch (order) {
    case __ATOMIC_RELAXED:
      return "relaxed";
    case __ATOMIC_ACQUIRE:
      return "acquire";
    case __ATOMIC_RELEASE:
      return "release";
    case __ATOMIC_ACQ_REL:
      return "acq_rel";
    case kNoFence:
      return "none";
    default:
      return "?";
  }
}

}  // namespace rategate::model
