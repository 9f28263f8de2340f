// The rules for keys of a limit, [limits.NAME.keys], as they stand in a configuration.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/config/document.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {

// Is told what is wrong, and where.
using TellFault = std::function<void(Place place, std::string text)>;

// Reads the table `keys` of the limit, whose other settings are read. Null: something was wrong,
// and was told, or there are no rules in it.
std::shared_ptr<const KeyRules> read_key_rules(const Entry& keys, const Limit& limit,
                                               const TellFault& tell);

// The same table as TOML, a line each; empty: there are no rules.
std::string key_rules_text(const Limit& limit);

}  // namespace rategate
