// What settings ask of each other. One table of rules says it: the loader checks them, and what is
// printed leaves out what would break one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "daemon/config/config.hpp"
#include "daemon/config/loading.hpp"

namespace rategate {

struct Setting;

// What the setting `name` needs of the setting `other`.
enum class Need : std::uint8_t {
  Where,        // the section (there is no `name`) has a meaning only where `other` is `word`
  YieldsTo,     // it is said only without `other`, which is used in its place
  StandsInFor,  // it is said only without `other`, in whose place it is used
  AtMost,       // it is not larger than `other`
  With,         // it is said only with `other`, or with what stands in for that
  HostAlone,    // it is an address of this host alone, unless the switch `other` is on
  SwitchedBy,   // it is said only where the switch `other` is on
  Without,      // the switch `name` is on only without `other`
  Leads,        // nothing in the section (there is no `name`) says something without `other`
};

struct Rule {
  std::string_view section;
  std::string_view name;
  Need need;
  std::string_view other;   // of the same section; for Where at the top
  std::string_view word{};  // for Where
  std::string_view of{};    // the section of `other`, where that is another one
};

std::span<const Rule> rules();

bool holds(const Rule&, const Config&);

// Of the two settings of YieldsTo and StandsInFor: which one is used, where it has a value, in
// place of which. nullopt: the rule is another one.
struct Substitute {
  const Setting* setting;
  const Setting* instead_of;
};
std::optional<Substitute> substitute(const Rule&);

// Faults of the file by itself: of settings that it names and that break a rule.
void check_file(Loading&);

// Faults of everything together, once each source had its say: what a later one may still bring.
void check_whole(Loading&);

}  // namespace rategate
