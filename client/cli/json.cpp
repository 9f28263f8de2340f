#include "client/cli/json.hpp"

#include <cstddef>

namespace rategate::cli {
namespace {

// The bytes of the UTF-8 sequence at the start of `bytes`, 0 where there is none: over-long forms,
// surrogates and what is above U+10FFFF are none.
std::size_t sequence_size(std::string_view bytes) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
  }
  const unsigned second = byte(1);
  const bool odd = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                   (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return odd ? 0 : size;
}

void append_ascii(std::string& json, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    json += '\\';
    json += c;
  } else if (byte < 0x20) {
    json.append("\\u00").append(1, kHex[byte >> 4U]).append(1, kHex[byte & 0xfU]);
  } else {
    json += c;
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// -?(0|[1-9][0-9]*)(\.[0-9]+)?
bool is_number(std::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  if (digits == 0 || (digits > 1 && text.front() == '0')) return false;
  text.remove_prefix(digits);
  if (text.empty()) return true;
  if (text.front() != '.' || text.size() == 1) return false;
  return text.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

}  // namespace

std::string json_string(std::string_view bytes) {
  std::string json = "\"";
  while (!bytes.empty()) {
    const std::size_t size = sequence_size(bytes);
    if (size == 1) {
      append_ascii(json, bytes.front());
    } else {
      json.append(size == 0 ? std::string_view("\\ufffd") : bytes.substr(0, size));
    }
    bytes.remove_prefix(size == 0 ? 1 : size);
  }
  return json += '"';
}

std::string json_number_or_string(std::string_view text) {
  return is_number(text) ? std::string(text) : json_string(text);
}

}  // namespace rategate::cli
