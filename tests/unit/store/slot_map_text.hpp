// The answer to CLUSTER SLOTS, put together as RESP.
#pragma once

#include <string>
#include <vector>

namespace rategate {

inline std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

inline std::string array(const std::vector<std::string>& parts) {
  std::string text = "*" + std::to_string(parts.size()) + "\r\n";
  for (const std::string& part : parts) text += part;
  return text;
}

// Of the id "id-HOST".
inline std::string node(const std::string& host, int port) {
  return array({bulk(host), ":" + std::to_string(port) + "\r\n", bulk("id-" + host)});
}

inline std::string row(int first, int last, const std::vector<std::string>& nodes) {
  std::vector<std::string> parts{":" + std::to_string(first) + "\r\n",
                                 ":" + std::to_string(last) + "\r\n"};
  parts.insert(parts.end(), nodes.begin(), nodes.end());
  return array(parts);
}

}  // namespace rategate
