#include "daemon/base/words.hpp"

namespace rategate {

std::string one_of(std::span<const std::string_view> texts, std::string_view quote) {
  std::string out;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += i + 1 == texts.size() ? " or " : ", ";
    out.append(quote).append(texts[i]).append(quote);
  }
  return out;
}

}  // namespace rategate
