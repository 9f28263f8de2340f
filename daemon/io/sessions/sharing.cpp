#include "daemon/io/sessions/sharing.hpp"

#include <sys/socket.h>

#include <cstring>

#include "daemon/core/shared_pools.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/sessions/peer_process.hpp"
#include "daemon/limit/key_uses.hpp"
#include "daemon/limit/members.hpp"
#include "daemon/proto/errors.hpp"

namespace rategate {

namespace {

// Any that is not empty: it tells which members have a counter for each key.
constexpr std::string_view kSomeKey = "k";

ResolvedMember resolved(const LimitUse& use, bool keyed, bool there) {
  const Limit& limit = *use.limit;
  const SharedWords words = shared_words_of(use);
  return {use.rule,
          limit.permits,
          limit.period_ms,
          there && (use.is_shared() || may_ban(use)),
          keyed && limit.redis_key.has_key(),
          words.kind,
          words.burst,
          words.longest_ms};
}

}  // namespace

ResolveOutcome Sharing::resolve(const Caller& caller, const CheckRequest& request) {
  const auto use = checks_.find(caller, request);
  if (!use) return Refused{use.error()};
  const bool there = engine_.segment() != nullptr;
  Members members;
  // Addresses are turned into networks by the daemon alone, so nothing of those limits is shared.
  if (add_members(*use, kSomeKey, 1, 0, members) != nullptr) {
    return Resolved{resolved(**use, true, false)};
  }
  Resolved answer;
  for (const Member& member : members) {
    answer.push_back(resolved(*member.limit, !member.key.empty(), there));
  }
  return answer;
}

AttachOutcome Sharing::attach(const Caller& caller) {
  Segment* const segment = engine_.segment();
  // Descriptors are passed over Unix sockets alone.
  if (segment == nullptr || !accesses_ || !caller.peer.local) {
    return Refused{error_text(ErrorId::NoShm)};
  }
  if (!accesses_->to_shm.allows(caller.peer.socket)) return Refused{error_text(ErrorId::ShmDenied)};
  if (!caller.may_pass_descriptors) return Refused{error_text(ErrorId::AttachAlone)};
  if (!unread_.may_send(process_of(caller.peer).pid)) return Refused{refused(caller.peer).text};
  engine_.gate().share();
  SharedPools& pools = segment->pools();
  pools.restore_header();
  return Attached{RG_SHM_LAYOUT_VERSION, pools.generation(), clock_ns(CLOCK_MONOTONIC),
                  pools.bytes()};
}

bool Sharing::trusts(const Peer& peer) {
  return peer.local && accesses_ && accesses_->to_shm.allows(peer.socket);
}

bool Sharing::is_admin(const Peer& peer) {
  return peer.local && accesses_ && accesses_->to_admin.allows(peer.socket);
}

Error Sharing::refused(const Peer& peer) {
  ++refused_;
  if (const std::uint64_t times = told_.happened(mono_now())) {
    log_.event(LogLevel::Warning, "attach_refused",
               "clients are refused shared memory: answers to ATTACH are not read",
               {{"client", shown_peer(peer)}, {"unread", unread_.count()}, {"times", times}});
  }
  return Error{error_text(ErrorId::ShmBusy)};
}

// libuv passes only handles of its own, so this is by hand.
Result<std::size_t> Sharing::hand_out(const Peer& peer, std::string_view answer) {
  const int fds[] = {engine_.segment()->memory_fd(), engine_.segment()->nudge_fd()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
  iovec bytes{const_cast<char*>(answer.data()), answer.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(header), fds, sizeof fds);
  const ssize_t sent = sendmsg(peer.socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  // The client's queue is full, or too many descriptors are on their way already (ETOOMANYREFS):
  // other daemons of this user may send some as well.
  if (sent <= 0) return refused(peer);
  ++attached_;
  unread_.sent(peer.socket, process_of(peer).pid);
  return static_cast<std::size_t>(sent);
}

}  // namespace rategate
