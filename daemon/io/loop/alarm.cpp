#include "daemon/io/loop/alarm.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace rategate {

Alarm::Alarm(uv_loop_t* loop) : fd_(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "timerfd_create");
  uv_poll_init(loop, poll_.get(), fd_);
  poll_.opened(this);
  uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    if (poll->data != nullptr) static_cast<Alarm*>(poll->data)->rang();
  });
}

Alarm::~Alarm() {
  poll_.close();
  ::close(fd_);
}

void Alarm::set(Mono when) {
  if (when >= armed_) return;
  armed_ = when;
  // Nought would disarm it.
  const std::int64_t us = std::max<std::int64_t>(1, when.us);
  itimerspec spec{};
  spec.it_value.tv_sec = us / 1'000'000;
  spec.it_value.tv_nsec = us % 1'000'000 * 1000;
  timerfd_settime(fd_, TFD_TIMER_ABSTIME, &spec, nullptr);
}

void Alarm::rang() {
  std::uint64_t times = 0;
  if (read(fd_, &times, sizeof times) < 0) return;  // armed anew meanwhile
  armed_ = kNever;
}

}  // namespace rategate
