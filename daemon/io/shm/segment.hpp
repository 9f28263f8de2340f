// The shared segment and the nudge socket: made at the daemon's start, handed to clients by ATTACH.
// What is in the segment is SharedPools' business.
//
// The segment is a sealed memfd, so that no client can take pages away from under another. Nudges
// are slot numbers of four bytes that clients send without waiting, into one SOCK_SEQPACKET whose
// sending end all clients have: whatever comes there is only a hint.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "daemon/base/result.hpp"
#include "daemon/core/shared_pools.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/os/fd.hpp"

namespace rategate {

class Segment {
 public:
  // `slots` is rounded up to a power of two. `nudged` is told of each nudge; any number may come.
  static Result<std::unique_ptr<Segment>> make(uv_loop_t* loop, std::int64_t slots,
                                               std::function<void(std::uint32_t slot)> nudged);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  SharedPools& pools() { return *pools_; }
  const SharedPools& pools() const { return *pools_; }
  int memory_fd() const { return memory_fd_.get(); }
  int nudge_fd() const { return send_fd_.get(); }

 private:
  explicit Segment(std::function<void(std::uint32_t)> nudged) : nudged_(std::move(nudged)) {}
  std::optional<Error> map(std::int64_t slots);
  std::optional<Error> open_nudges(uv_loop_t* loop);
  bool has_ended() const;
  void receive();

  std::function<void(std::uint32_t)> nudged_;
  Fd memory_fd_{-1};
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  std::unique_ptr<SharedPools> pools_;
  Fd send_fd_{-1};
  Fd receive_fd_{-1};
  std::unique_ptr<UvHandle<uv_poll_t>> poll_;
};

}  // namespace rategate
