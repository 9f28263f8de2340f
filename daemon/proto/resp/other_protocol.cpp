#include "daemon/proto/resp/other_protocol.hpp"

#include <algorithm>
#include <array>

#include "daemon/proto/resp/ascii.hpp"

namespace rategate {
namespace {

// PRI is what HTTP/2 begins with.
constexpr std::array<std::string_view, 10> kMethods = {
    "get", "post", "put", "head", "delete", "options", "patch", "connect", "trace", "pri"};

}  // namespace

bool is_http(std::string_view first_word) {
  // A name and a colon: "Host:", "Content-Type:".
  if (first_word.ends_with(':')) return true;
  return std::any_of(kMethods.begin(), kMethods.end(),
                     [&](std::string_view method) { return is_word(first_word, method); });
}

}  // namespace rategate
