// What a node of a Redis Cluster answers to whom it does not serve: that the slot is elsewhere, or
// on its way. Nothing was done then. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "daemon/base/host_port.hpp"

namespace rategate {

struct Redirect {
  enum class Kind : std::uint8_t {
    Moved,     // the slot is that node's now
    Ask,       // the slot is on its way to that node, where this key may be already
    TryAgain,  // some keys of the call are there already, and some are not
    Nowhere,   // the slot is no node's, as far as this one knows
  };
  Kind kind = Kind::Moved;
  std::uint16_t slot = 0;  // of Moved and Ask
  HostPort to;             // likewise; an empty host is that of the node which answered
};

// Nothing where the error is none of them.
std::optional<Redirect> parse_redirect(std::string_view error);
// Whether it is MOVED or ASK, which name another node.
bool leads_elsewhere(std::string_view error);

}  // namespace rategate
