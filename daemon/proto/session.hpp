// What the protocol remembers about one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rategate {

// What a connection may do: the bits of Session::permissions. Each verb needs one of them.
enum Permission : unsigned {
  kMayConnect = 1U << 0,  // PING, HELLO, CLIENT SETNAME and the like: its own connection
  kMayCheck = 1U << 1,    // CHECK
  kMayRead = 1U << 2,     // LIMITS, INFO, CLIENT LIST: about the daemon and about others
  kMayAll = kMayConnect | kMayCheck | kMayRead,
};

// The most bytes of a connection's name, and of its library's name and version: an idle connection
// may not hold the daemon's memory.
inline constexpr std::size_t kMaxClientNameBytes = 128;

// What stands in the input around the request at hand, for a verb that can answer copies of it in
// one step.
struct Pipeline {
  std::string_view request;  // its bytes
  std::string_view behind;   // what has arrived after it
  std::size_t repeats = 0;   // said by the handler: so many copies behind it are answered as well
};

struct Session {
  std::uint64_t id = 0;  // never used twice in the daemon's life; first 1
  std::string name;      // CLIENT SETNAME; empty when not set
  std::string lib_name;  // CLIENT SETINFO
  std::string lib_version;
  int resp = 2;  // 2 or 3
  unsigned permissions = kMayAll;
  bool close_after_reply = false;   // after QUIT: nothing that follows is read
  Pipeline pipeline{};              // empty where answers do not go out at once
  std::string_view last_command{};  // as CLIENT LIST shows it: "client|list"; static storage
};

}  // namespace rategate
