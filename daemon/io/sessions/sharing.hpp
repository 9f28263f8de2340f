// Who shares memory: it hands the segment to those that may have it, and says under what id a
// limit's pools are found there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "daemon/base/seldom.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/engine.hpp"
#include "daemon/io/sessions/checks.hpp"
#include "daemon/io/sessions/peer_access.hpp"
#include "daemon/io/sessions/unread_answers.hpp"
#include "daemon/proto/service.hpp"

namespace rategate {

class Sharing final : public SharingService {
 public:
  Sharing(Checks& checks, Engine& engine, Log& log) : checks_(checks), engine_(engine), log_(log) {}

  // Memory is offered from now on, to those that may have it; and those may administer.
  void offer(PeerAccesses accesses) { accesses_ = std::move(accesses); }
  std::uint64_t attached() const { return attached_; }  // since the start
  // ATTACH was refused because too many of its answers are unread; since the start.
  std::uint64_t refused() const { return refused_; }

  ResolveOutcome resolve(const Caller& caller, const CheckRequest& request) override;
  AttachOutcome attach(const Caller& caller) override;
  bool trusts(const Peer& peer) override;
  bool is_admin(const Peer& peer) override;
  Result<std::size_t> hand_out(const Peer& peer, std::string_view answer) override;
  void closing(const Peer& peer) override { unread_.closing(peer.socket); }
  std::size_t kept_sockets() override { return unread_.kept(); }

 private:
  Error refused(const Peer& peer);

  Checks& checks_;
  Engine& engine_;
  Log& log_;
  std::optional<PeerAccesses> accesses_;
  UnreadAnswers unread_;
  std::uint64_t attached_ = 0;
  std::uint64_t refused_ = 0;
  Seldom told_;
};

}  // namespace rategate
