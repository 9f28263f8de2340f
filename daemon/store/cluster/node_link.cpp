#include "daemon/store/cluster/node_link.hpp"

#include <utility>

#include "daemon/store/redis/words.hpp"

namespace rategate {

NodeLink::NodeLink(const WayOptions& options, HostPort node, AskingTransport& transport,
                   NodeLinkEvents& events)
    : AskingLink(options, transport), node_(std::move(node)), events_(events) {}

std::size_t NodeLink::send_question(AskingTransport& transport) {
  transport.send(slot_map_request());
  return 1;
}

void NodeLink::question_answered(const ReplyView& reply, std::size_t, Mono now) {
  if (reply.kind() == ReplyView::Kind::Error) return fail(error_of(reply), now);
  auto map = parse_slot_map(reply, node_);
  if (!map) return fail("it told a map in a form that is not understood", now);
  events_.node_told(node_, std::move(*map), asked_, now);
}

void NodeLink::failed(std::string_view why, Mono) { events_.node_failed(node_, why); }

}  // namespace rategate
