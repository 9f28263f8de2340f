#include "daemon/io/shm/segment.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace rategate {
namespace {

// Nudges that are taken in one go, before others have their turn.
constexpr int kMostAtOnce = 256;

Error failed(const char* what) { return Error{std::string(what) + ": " + std::strerror(errno)}; }

}  // namespace

Result<std::unique_ptr<Segment>> Segment::make(uv_loop_t* loop, std::int64_t slots,
                                               std::function<void(std::uint32_t)> nudged) {
  std::unique_ptr<Segment> segment(new Segment(std::move(nudged)));
  if (auto error = segment->map(slots)) return *error;
  if (auto error = segment->open_nudges(loop)) return *error;
  return segment;
}

std::optional<Error> Segment::map(std::int64_t slots) {
  const auto count = static_cast<std::uint32_t>(std::bit_ceil(static_cast<std::uint64_t>(
      std::clamp<std::int64_t>(slots, RG_SHM_MIN_SLOTS, RG_SHM_MAX_SLOTS))));
  bytes_ = rg_shm_bytes(count);
  memory_fd_.reset(memfd_create("rategate", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (memory_fd_.get() < 0) return failed("memfd_create");
  // With all its pages: a client's access must not fail for want of memory later.
  if (ftruncate(memory_fd_.get(), static_cast<off_t>(bytes_)) != 0 ||
      fallocate(memory_fd_.get(), 0, 0, static_cast<off_t>(bytes_)) != 0) {
    return failed("cannot have the segment's memory");
  }
  if (fcntl(memory_fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return failed("cannot seal the segment");
  }
  void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd_.get(), 0);
  if (memory == MAP_FAILED) return failed("cannot map the segment");
  memory_ = memory;
  SharedPools::Secrets secrets;
  if (getrandom(&secrets, sizeof secrets, 0) != sizeof secrets) return failed("getrandom");
  secrets.generation = secrets.generation >> 1 | 1;  // an integer of the protocol, and not nought
  pools_ = std::make_unique<SharedPools>(memory_, count, secrets);
  return std::nullopt;
}

std::optional<Error> Segment::open_nudges(uv_loop_t* loop) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return failed("socketpair");
  }
  send_fd_.reset(ends[0]);
  receive_fd_.reset(ends[1]);
  poll_ = std::make_unique<UvHandle<uv_poll_t>>();
  uv_poll_init(loop, poll_->get(), receive_fd_.get());
  poll_->opened(this);
  uv_poll_start(poll_->get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    if (poll->data != nullptr) static_cast<Segment*>(poll->data)->receive();
  });
  return std::nullopt;
}

Segment::~Segment() {
  poll_.reset();
  if (memory_ != nullptr) munmap(memory_, bytes_);
}

// An empty message looks like the end.
bool Segment::has_ended() const {
  pollfd end{receive_fd_.get(), POLLRDHUP, 0};
  return poll(&end, 1, 0) > 0 && (end.revents & (POLLRDHUP | POLLHUP)) != 0;
}

void Segment::receive() {
  for (int i = 0; i < kMostAtOnce; ++i) {
    std::uint32_t slot = 0;
    const ssize_t got = recv(receive_fd_.get(), &slot, sizeof slot, MSG_TRUNC);
    if (got < 0) return;
    if (got == sizeof slot) nudged_(slot);
    if (got != 0 || !has_ended()) continue;
    // A client has shut the socket down for all. It would be readable for ever; nudges are only
    // hints, so there are none from now on.
    uv_poll_stop(poll_->get());
    return;
  }
}

}  // namespace rategate
