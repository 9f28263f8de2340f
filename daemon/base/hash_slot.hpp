// Which slot of a Redis Cluster a key is in, as its specification says: CRC16 (XMODEM) of the key's
// tag, modulo 16384. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rategate {

inline constexpr std::size_t kHashSlots = 16384;

// The tag is what stands between the first `{` and the first `}` behind it; the whole key where
// there is none, or nothing in it.
std::uint16_t slot_of_key(std::string_view key);

// A CRC16 (XMODEM) of bytes that come after those of which `before` is one; a tag's slot is that of
// its last 14 bits.
std::uint16_t crc16(std::string_view bytes, std::uint16_t before = 0);

// The shortest decimal number, the least of these, that as a tag is in that slot. Takes up to some
// milliseconds.
std::string tag_of_slot(std::uint16_t slot);

}  // namespace rategate
