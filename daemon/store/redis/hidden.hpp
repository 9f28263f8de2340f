// What no error of a server may tell. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace rategate {

// A server may repeat in an error what it was asked, as Redis does with the arguments of a command
// that it does not know: AUTH, where that was renamed. Those are cut off, and the secret is covered
// wherever else it stands, unless it has less than kLeastSecretBytes. How much is left of the text,
// which is changed in place.
inline constexpr std::size_t kLeastSecretBytes = 4;
std::size_t hide_secret(std::span<char> error, std::string_view secret);

}  // namespace rategate
