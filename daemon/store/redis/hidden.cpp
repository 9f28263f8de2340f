#include "daemon/store/redis/hidden.hpp"

#include <algorithm>

namespace rategate {

std::size_t hide_secret(std::span<char> error, std::string_view secret) {
  const std::string_view text(error.data(), error.size());
  const std::size_t repeated = text.find(", with args beginning with");
  const std::size_t left = std::min(text.size(), repeated);
  if (secret.size() < kLeastSecretBytes) return left;
  for (std::size_t at = text.find(secret); at < left; at = text.find(secret, at)) {
    std::fill_n(error.begin() + static_cast<std::ptrdiff_t>(at), secret.size(), '*');
  }
  return left;
}

}  // namespace rategate
