#include "daemon/base/hash_slot.hpp"

#include <array>

#include "daemon/base/decimal.hpp"

namespace rategate {
namespace {

constexpr std::array<std::uint16_t, 256> make_crc_table() {
  std::array<std::uint16_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc & 0x8000U) != 0 ? 0x1021U : 0U);
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}

constexpr std::array<std::uint16_t, 256> kCrcTable = make_crc_table();

std::uint16_t slot_of_tag(std::string_view tag) {
  return static_cast<std::uint16_t>(crc16(tag) % kHashSlots);
}

}  // namespace

std::uint16_t crc16(std::string_view bytes, std::uint16_t before) {
  std::uint32_t crc = before;
  for (const char c : bytes) {
    const std::uint32_t at = ((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xffU;
    crc = ((crc << 8) ^ kCrcTable[at]) & 0xffffU;
  }
  return static_cast<std::uint16_t>(crc);
}

std::uint16_t slot_of_key(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open == std::string_view::npos) return slot_of_tag(key);
  const std::size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return slot_of_tag(key);
  return slot_of_tag(key.substr(open + 1, close - open - 1));
}

std::string tag_of_slot(std::uint16_t slot) {
  char digits[kMostDecimal];
  for (std::int64_t number = 0;; ++number) {
    const std::string_view tag(digits,
                               static_cast<std::size_t>(put_decimal(digits, number) - digits));
    if (slot_of_tag(tag) == slot) return std::string(tag);
  }
}

}  // namespace rategate
