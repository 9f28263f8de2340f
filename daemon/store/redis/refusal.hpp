// What an error that Redis answers means for those who asked. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace rategate {

enum class Refusal : std::uint8_t {
  NoScript,    // the script is not known, and the whole text is wanted; nothing was done
  Connection,  // nothing will succeed on this connection: not authenticated, a replica, loading,
               // ...
  Store,       // it refuses writes for now, whoever's: out of memory, a script that runs on, ...
  Call,        // this call, maybe for the sake of one of its counters (an ACL, say)
};
Refusal refusal_of(std::string_view error);
// Whether it is a right that the user has not.
bool is_about_rights(std::string_view error);

}  // namespace rategate
