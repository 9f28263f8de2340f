#include "daemon/proto/verbs/client_name.hpp"

#include <algorithm>

#include "daemon/proto/session.hpp"
#include "daemon/proto/verbs/reply_error.hpp"

namespace rategate {

bool is_one_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

bool check_client_name(std::string_view name, std::string& out) {
  if (!is_one_word(name)) {
    reply_error(out, ErrorId::BadClientName);
    return false;
  }
  if (name.size() > kMaxClientNameBytes) {
    reply_error(out, ErrorId::NameTooLong, {"client name"});
    return false;
  }
  return true;
}

}  // namespace rategate
