// One connection to one node of a Redis Cluster, by which it is asked for its map. Pure; not
// thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/base/host_port.hpp"
#include "daemon/store/asking_link.hpp"
#include "daemon/store/cluster/slot_map.hpp"

namespace rategate {

class NodeLinkEvents {
 public:
  NodeLinkEvents() = default;
  NodeLinkEvents(const NodeLinkEvents&) = delete;
  NodeLinkEvents& operator=(const NodeLinkEvents&) = delete;
  virtual ~NodeLinkEvents() = default;

  // Its map, in answer to a question that was sent at `asked`.
  virtual void node_told(const HostPort& node, SlotMap map, Mono asked, Mono now) = 0;
  // The connection could not be made, or has ended; it is tried again by itself.
  virtual void node_failed(const HostPort& node, std::string_view why) = 0;
};

class NodeLink final : public AskingLink {
 public:
  // All outlive it.
  NodeLink(const WayOptions& options, HostPort node, AskingTransport& transport,
           NodeLinkEvents& events);

 private:
  std::size_t send_question(AskingTransport& transport) override;
  void question_sent(Mono sent) override { asked_ = sent; }
  void question_answered(const ReplyView& reply, std::size_t left, Mono now) override;
  void failed(std::string_view why, Mono now) override;

  const HostPort node_;
  NodeLinkEvents& events_;
  Mono asked_;
};

}  // namespace rategate
