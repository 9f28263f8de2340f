// The handlers that the verb table names, for verbs.cpp and the files that define them. When one is
// called, the request's number of words is within the row's bounds and permission is given.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "daemon/proto/verbs/verbs.hpp"

namespace rategate {

Handler handle_check;  // verb_check.cpp

Handler handle_resolve;  // verb_attach.cpp
Handler handle_attach;

Handler handle_limits;  // verb_status.cpp
Handler handle_info;

Handler handle_ping;  // verb_connection.cpp
Handler handle_echo;
Handler handle_hello;
Handler handle_auth;
Handler handle_select;
Handler handle_reset;
Handler handle_quit;

Handler handle_client_getname;  // verb_client.cpp
Handler handle_client_id;
Handler handle_client_info;
Handler handle_client_list;
Handler handle_client_on_off;
Handler handle_client_setinfo;
Handler handle_client_setname;

Handler handle_command;  // verb_command.cpp
Handler handle_command_count;
Handler handle_command_docs;
Handler handle_command_info;
Handler handle_command_list;
Handler handle_help;

// Appends an error reply.
Handled reply_error(std::string& out, ErrorId id, std::initializer_list<ErrorValue> values = {});

// The words of CHECK as a request that is in order; else false, after it has appended what is
// wrong. Views the words.
[[nodiscard]] bool read_check(const Args& args, CheckRequest& request, std::string& out);

// Whether a connection may have this name; else appends why not. An empty name takes it away.
[[nodiscard]] bool check_client_name(std::string_view name, std::string& out);

}  // namespace rategate
