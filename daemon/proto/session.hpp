// What the protocol remembers about one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rategate {

// The most bytes of a connection's name, and of its library's name and version: an idle connection
// may not hold the daemon's memory.
inline constexpr std::size_t kMaxClientNameBytes = 128;

struct Session {
  std::uint64_t id = 0;  // never used twice in the daemon's life; first 1
  std::string name;      // CLIENT SETNAME; empty when not set
  std::string lib_name;  // CLIENT SETINFO
  std::string lib_version;
  int resp = 2;                     // 2 or 3
  bool enters = false;              // it has asked to enter: see CheckService::gone()
  std::string_view last_command{};  // as CLIENT LIST shows it: "client|list"; static storage
};

}  // namespace rategate
