// Answers that are maps: arrays of names and values in turn, as RESP2 has them.
#pragma once

#include <rategate/rategate.h>

#include <string>
#include <string_view>

namespace rategate::cli {

// The value of that name; NULL where there is none, or the answer is no map.
const rategate_reply* find(const rategate_reply& map, std::string_view name);

// A string, or an integer in digits; empty where it is neither.
std::string text_of(const rategate_reply& value);

}  // namespace rategate::cli
