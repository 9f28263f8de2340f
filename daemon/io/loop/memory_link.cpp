#include "daemon/io/loop/memory_link.hpp"

#include <ctime>

#include "daemon/io/loop/mono_clock.hpp"

namespace rategate {
namespace {
std::int64_t realtime_us() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}
}  // namespace

MemoryLink::MemoryLink(StoreEvents& events)
    : events_(events), offset_us_(realtime_us() - mono_now().us) {}

void MemoryLink::start() {
  const Mono now = mono_now();
  events_.store_time(now, now, time(now), true);
  events_.store_up(false);
}

void MemoryLink::flush() {
  if (!measure_ && asked_.empty()) return;
  measure_ = false;
  std::vector<Reservation> asked;
  asked.swap(asked_);
  const Mono now = mono_now();
  events_.store_time(now, now, time(now), false);
  for (const Reservation& reservation : asked) {
    events_.reserved(reservation.id, counters_.reserve(reservation, time(mono_now())));
  }
}

void MemoryLink::release(const Release& release) { counters_.release(release, time(mono_now())); }

void MemoryLink::stop() { asked_.clear(); }

StoreStatus MemoryLink::status() const {
  StoreStatus status;
  status.address = "memory";
  return status;
}

}  // namespace rategate
