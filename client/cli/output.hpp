// What the command prints: for people, and as JSON for programs.
#pragma once

#include <rategate/rategate.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/cli/verdict.hpp"

namespace rategate::cli {

std::string ms_text(milliseconds ms);  // "412 ms", "41 s"
// What comes from somewhere else must not command the terminal: '?' for each control character.
std::string harmless(std::string shown);
// One line on the standard error, with this program's name before it.
void complain(std::string text);

std::string verdict_text(const Verdict& verdict);  // one line, which begins "allowed" or "denied"
std::string verdict_json(const Verdict& verdict);  // the protocol's fields, by their names

std::string named_json(const Named& named);  // the same, and the limit's name

// How many permits came back; negative: so many were charged.
std::string settled_text(std::int64_t back);  // one line
std::string settled_json(std::int64_t back);
std::string cleared_text(std::int64_t held);  // one line
std::string cleared_json(std::int64_t held);
// `waiting`: the settings that take effect with the next start only, separated by ", ".
std::string reloaded_text(const std::string& limits, const std::string& waiting);
std::string reloaded_json(const std::string& limits, const std::string& waiting);

// That the daemon answers, and how long that took.
std::string pong_text(std::string_view socket_path, std::chrono::microseconds took);  // one line
std::string pong_json(std::string_view socket_path, std::chrono::microseconds took);

// Whether it has entered, by ENTER's fields; the ticket where others are to know it.
std::string entry_json(const Decision& decision, const std::string& ticket = {});
// Of STAY and LEAVE: `done`, "stays" or "left", where the daemon knew the ticket.
std::string ticket_text(std::string_view done, bool known);  // one line
std::string ticket_json(std::string_view done, bool known);

// The answer to LIMITS: an array with, for each limit, an array of names and values in turn.
// Throws Refused when it is something else.
std::string limits_text(const rategate_reply& limits);
std::string limits_json(const rategate_reply& limits);

// The answer to INFO: lines of "# Section" and "name:value".
std::string info_text(std::string_view info);
std::string info_json(std::string_view info);

}  // namespace rategate::cli
