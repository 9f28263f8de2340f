// The words of CHECK, and of the verbs that take a limit and a key as it does.
#pragma once

#include <string>
#include <vector>

#include "daemon/proto/resp/args.hpp"
#include "daemon/proto/service.hpp"
#include "daemon/proto/verbs/verb.hpp"

namespace rategate {

// The words as a request that is in order; else false, after it has appended what is wrong, with
// the verb's usage. Views the words.
[[nodiscard]] bool read_check(const Verb& verb, const Args& args, CheckRequest& request,
                              std::string& out);
// The same of CHECKALL: limit, key and cost of each. An empty key is none.
[[nodiscard]] bool read_checkall(const Verb& verb, const Args& args,
                                 std::vector<CheckRequest>& requests, std::string& out);
// The same of ACQUIRE.
[[nodiscard]] bool read_acquire(const Verb& verb, const Args& args, CheckRequest& request,
                                std::string& out);
// The same of ENTER.
[[nodiscard]] bool read_enter(const Verb& verb, const Args& args, EnterRequest& request,
                              std::string& out);
// The same of CLEAR, which takes nothing.
[[nodiscard]] bool read_clear(const Verb& verb, const Args& args, CheckRequest& request,
                              std::string& out);
// The same of SETTLE, and of REFUND, which is a SETTLE of nothing that was used.
[[nodiscard]] bool read_settle(const Verb& verb, const Args& args, SettleRequest& request,
                               std::string& out);
[[nodiscard]] bool read_refund(const Verb& verb, const Args& args, SettleRequest& request,
                               std::string& out);

}  // namespace rategate
