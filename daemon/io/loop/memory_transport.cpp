#include "daemon/io/loop/memory_transport.hpp"

#include <ctime>
#include <utility>

#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/limit/group.hpp"

namespace rategate {
namespace {
std::int64_t realtime_us() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}
}  // namespace

MemoryTransport::MemoryTransport(const HashSeed& seed)
    : counters_(seed), offset_us_(realtime_us() - mono_now().us) {}

void MemoryTransport::close() {
  connecting_ = false;
  answered_.clear();
}

void MemoryTransport::send(const Call& call) {
  Answered& answered = answered_.emplace_back(Answered{call.kind});
  if (call.kind == Call::Kind::Clear) {
    answered.clear = counters_.clear(call.clear, time_at(mono_now()));
  }
  if (call.kind == Call::Kind::Hold) answered.hold = holds_.hold(call.hold, time_at(mono_now()));
  if (call.kind == Call::Kind::Release) counters_.release(call.release, time_at(mono_now()));
  if (call.kind != Call::Kind::Reserve) return;
  if (!spare_.empty()) {
    answered.answers = std::move(spare_.back());
    spare_.pop_back();
  }
  answered.answers.clear();
  const StoreTime now = time_at(mono_now());
  reserve_all(
      call.reservations, [&](const Reservation& each) { return counters_.reserve(each, now); },
      answered.answers);
}

Mono MemoryTransport::flush() { return mono_now(); }

bool MemoryTransport::deliver(Link& link) {
  if (std::exchange(connecting_, false)) {
    link.connected(mono_now());
    return true;
  }
  if (answered_.empty()) return false;
  delivering_.swap(answered_);
  for (Answered& answered : delivering_) {
    // The offset is exact, so that this reading is as good as one taken when it was asked.
    const Mono now = mono_now();
    Reply reply;
    reply.answers = answered.answers;
    reply.clear = answered.clear;
    reply.hold = answered.hold;
    if (answered.kind == Call::Kind::Reserve || answered.kind == Call::Kind::Time ||
        answered.kind == Call::Kind::Hold) {
      reply.time = time_at(now);
    }
    // Whatever it held ended with the daemon's process: nothing is known that was lost in this one.
    if (answered.kind == Call::Kind::Reign) reply.time = StoreTime{};
    link.replied(reply, now, now);
    if (answered.answers.capacity() > 0 && spare_.size() < Outbox::kMostCalls) {
      spare_.push_back(std::move(answered.answers));
    }
  }
  delivering_.clear();
  return true;
}

}  // namespace rategate
