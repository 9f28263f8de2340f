// Tells bytes that are of HTTP or TLS, and not of RESP. A page in a browser can make that browser
// connect to a TCP port of its own host and send a body of the page's choice: were the lines before
// the body merely answered as unknown commands, the body would be obeyed.
#pragma once

#include <string_view>

namespace rategate {

// Whether an inline request with that first word is the first line of an HTTP request, or a line of
// its header. No verb has a name of that form.
bool is_http(std::string_view first_word);

// Whether a request that starts with this byte is a TLS handshake. Its bytes are in part the choice
// of whoever named the server, and may hold whole lines.
inline bool is_tls(char first) { return first == '\x16'; }

}  // namespace rategate
