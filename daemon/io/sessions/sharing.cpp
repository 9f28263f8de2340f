#include "daemon/io/sessions/sharing.hpp"

#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/proto/errors.hpp"

namespace rategate {

ResolveOutcome Sharing::resolve(const Caller& caller, const CheckRequest& request) {
  const auto use = checks_.find(caller, request);
  if (!use) return Refused{use.error()};
  const Limit& limit = *(*use)->limit;
  return Resolved{(*use)->rule, limit.permits, limit.period_ms,
                  (*use)->leased && engine_.segment() != nullptr, limit.redis_key.has_key()};
}

AttachOutcome Sharing::attach(const Caller& caller) {
  Segment* const segment = engine_.segment();
  // Descriptors are passed over Unix sockets alone.
  if (segment == nullptr || !access_ || !caller.peer.local) {
    return Refused{error_text(ErrorId::NoShm)};
  }
  if (!access_->allows(caller.peer.socket)) return Refused{error_text(ErrorId::ShmDenied)};
  if (!caller.may_pass_descriptors) return Refused{error_text(ErrorId::AttachAlone)};
  ++attached_;
  engine_.gate().share();
  const SharedPools& pools = segment->pools();
  return Attached{RG_SHM_LAYOUT_VERSION, pools.generation(), mono_now_ns(), pools.bytes()};
}

std::array<int, 2> Sharing::descriptors() {
  return {engine_.segment()->memory_fd(), engine_.segment()->nudge_fd()};
}

}  // namespace rategate
