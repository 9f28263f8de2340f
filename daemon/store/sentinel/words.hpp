// What is said to a Redis Sentinel and what it says back: requests as RESP, replies as types. A
// reply is bytes of somebody else's: what is not of the form is refused. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/host_port.hpp"
#include "daemon/base/result.hpp"
#include "daemon/store/redis/reply_view.hpp"

namespace rategate {

std::string primary_request(std::string_view master);
std::string replicas_request(std::string_view master);
// Asks to be told of each change of a primary. It is answered by PONG; what comes behind that is
// the subscription, and then the changes.
std::string listen_request();

// The primary that a sentinel names. Error: that it knows none, or what it said in place of it.
Result<HostPort> parse_primary(const ReplyView& reply, std::string_view master);

// The replicas that a sentinel knows, by the addresses that the primary's INFO has for them.
// Nothing where it may not tell or the reply is not of the form: then they are not known, which is
// not the same as that there is none.
std::optional<std::vector<HostPort>> parse_replicas(const ReplyView& reply);

}  // namespace rategate
