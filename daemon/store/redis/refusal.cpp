#include "daemon/store/redis/refusal.hpp"

#include <algorithm>
#include <initializer_list>

namespace rategate {
namespace {

// Anywhere in the text: Redis 6 puts its own words before the error that a script met.
bool names_one_of(std::string_view error, std::initializer_list<std::string_view> codes) {
  return std::any_of(codes.begin(), codes.end(), [&](std::string_view code) {
    return error.find(code) != std::string_view::npos;
  });
}

}  // namespace

Refusal refusal_of(std::string_view error) {
  if (names_one_of(error, {"NOSCRIPT"})) return Refusal::NoScript;
  // A right that is missing within a script is missing for the sake of one of its counters.
  if (names_one_of(error, {"ACL failure in script", "can't run this command"})) {
    return Refusal::Call;
  }
  if (names_one_of(error, {"NOAUTH", "WRONGPASS", "LOADING", "READONLY", "MASTERDOWN",
                           "CLUSTERDOWN", "MOVED", "ASK "})) {
    return Refusal::Connection;
  }
  if (names_one_of(error,
                   {"OOM", "MISCONF", "BUSY", "NOREPLICAS", "UNKILLABLE", "permissions to run"})) {
    return Refusal::Store;
  }
  return Refusal::Call;
}

bool is_about_rights(std::string_view error) {
  return names_one_of(
      error, {"NOPERM", "ACL failure in script", "can't run this command", "permissions to run"});
}

}  // namespace rategate
