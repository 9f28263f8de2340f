// AUTH: there is no password, and clients that send one are told so.
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

Handled handle_auth(Caller&, const Services&, const Args&, std::string& out) {
  return reply_error(out, ErrorId::NoPassword);
}

}  // namespace

constinit const Verb kAuthVerb = {
    .name = "auth",
    .min_words = 2,
    .max_words = 3,
    .handler = handle_auth,
    .group = "connection",
    .arguments = "[<user>] <password>",
    .summary = "Answers an error: no password is set",
};

}  // namespace rategate
