// The orders that are weaker than those of the code under test.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "tests/model/event.hpp"

namespace rategate::model {

// Each order of `sites`, replaced by each that is weaker.
std::vector<Weakening> weaker_orders(const std::set<Site>& sites);

// An order that stays although a weaker one would break no litmus.
struct Kept {
  Weakening weakening;
  const char* reason;
};
const std::vector<Kept>& kept_orders();
// The reason for this one; null: there is none.
const char* reason_to_keep(const Weakening& weakening);

// How often C source text names an order stronger than relaxed, comments aside.
size_t count_strong_orders(const std::string& text);

const char* order_name(int order);

}  // namespace rategate::model
