// What the command prints: for people, and as JSON for programs.
#pragma once

#include <rategate/rategate.hpp>
#include <string>
#include <string_view>

namespace rategate::cli {

std::string decision_text(const Decision& decision);  // one line
std::string decision_json(const Decision& decision);  // the protocol's fields, by their names

// The answer to LIMITS: an array with, for each limit, an array of names and values in turn.
// Throws Refused when it is something else.
std::string limits_text(const rategate_reply& limits);
std::string limits_json(const rategate_reply& limits);

// The answer to INFO: lines of "# Section" and "name:value".
std::string info_text(std::string_view info);
std::string info_json(std::string_view info);

}  // namespace rategate::cli
